"""A page of recorded sweeps: one file of HTML that needs no network, and the same tables for Word, Excel and LaTeX."""

from digicarbon.page.section import Section as Section
from digicarbon.page.section import section as section
from digicarbon.page.site import PAGE as PAGE
from digicarbon.page.site import files as files
from digicarbon.page.site import tables as tables
from digicarbon.page.site import write_one as write_one
