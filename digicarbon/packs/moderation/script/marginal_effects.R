# An effect at places of a moderator and its errors by the delta method. G: a row for each power, a column for each term.
effects_along <- function(at, G, b, V = NULL) {
  g <- outer(at, seq_len(nrow(G)) - 1, `^`) %*% G
  list(coef = drop(g %*% b), se = if (is.null(V)) NULL else sqrt(rowSums((g %*% V) * g)))
}

# Johnson and Neyman's ends: roots of (g'b)^2 = critical^2 g'Vg, as a polynomial of (z - middle) / scale.
ends_along <- function(G, b, V, critical, middle, scale) {
  d <- nrow(G) - 1
  # values at so many places say what the polynomial is
  u <- cos(pi * (0:(2 * d)) / (2 * d))
  found <- effects_along(middle + scale * u, G, b, V)
  roots <- polyroot(solve(outer(u, 0:(2 * d), `^`), found$coef^2 - critical^2 * found$se^2))
  middle + scale * sort(Re(roots[abs(Im(roots)) < 1e-7 * (1 + Mod(roots))]))
}
