"""English words in what should be Chinese."""

from __future__ import annotations

import re

PROPER = set(
    re.findall(
        r"\S+",
        """
        Anderson-Rubin CEADs Cragg-Donald Driscoll-Kraay Guan Hansen Holsteen Kraay Lee Lee-Yu Lind-Mehlum Nelson
        Aroian Goodman Sobel Lin Del Gangestad Giudice George Shapley
        Newey-West Shan Simmons Simonsohn Staiger Stock TOPSIS Leontief Windmeijer Yogo Young Yu al et Conley
        Benjamini-Hochberg Holm Romano Webb Wolf
        Epanechnikov BEA Kleibergen-Paap Sargan kJ kg km TJ Fieller GMM Rademacher SLX FE W Honda Koenker King-Wu
        Gourieroux-Holly-Monfort Breusch-Godfrey Baltagi-Li
        CJK Noto Sans Stata fixest ivreg plm reghdfe dofminus
        Baltagi Breusch Breusch-Pagan Driscoll-Kraay Feng Hausman Juodis Kao King LR LM LSDV Pagan Pesaran Reese SAR SDM
        SEM Wald Wooldridge Wu sigmaless sigmamore xtserial xttest xttest0 CD CDw
        AR CO GDP GG HC LIML PLACEBO SIMULATED SLS beta delta gamma lambda ln rho sigma theta tr wild
        fe original revised sdm stata
        AKM Adao Goldsmith-Pinkham Hull Jaravel Kolesar Morales Rotemberg Sorkin Swift
        Cinelli Hazlett Oster Machado Santos Silva
        AIC BIC Hannan OLS Quinn SDEM Schwarz Vuong Zellner
        ATT Anna Borusyak Callaway-Sant Delaunay Sun-Abraham delaunay logit
        Wagner Dray MacKinnon Nielsen Carter Schnepel Steigerwald
        Arraiz Drukker GNS Kapoor Kelejian ML Prucha SARAR spreg NCV CC kinds
        """,
    )
)
"""Names of people, programs, data, parameters and options."""


def english(note: str) -> list[str]:
    """Words of a note that are neither names nor written as a specification writes them."""
    plain = re.sub(r"`[^`]*`|'[^']*'|\S*[=_.]\w\S*", " ", note)
    return [word for word in re.findall(r"[A-Za-z][A-Za-z-]+", plain) if word not in PROPER]
