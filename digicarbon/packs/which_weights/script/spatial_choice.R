# Log marginal likelihood of a spatial panel in Lee and Yu's transformed sample: beta and sigma^2 are integrated out by
# formula, the spatial parameter by integrate(). prior "g": Zellner's, g = 1/max(size, k^2); "flat": uniform. Rows of the
# data are sorted by unit, then by period. A constant, where there are no effects, has a flat prior.
log_marginal <- function(data, y, x, lagged, W, kind, effects, prior) {
  n <- nrow(W); periods <- nrow(data) / n
  grid <- function(name) matrix(data[[name]], n, periods, byrow = TRUE)
  differences <- function(m) t(contr.helmert(m)) / sqrt(colSums(contr.helmert(m)^2))
  A <- if (effects %in% c("time", "two_way")) differences(n) else diag(n)
  B <- if (effects %in% c("unit", "two_way")) t(differences(periods)) else diag(periods)
  flat <- function(columns) if (length(columns)) do.call(cbind, lapply(columns, function(M) as.vector(A %*% M %*% B)))
  columns <- lapply(x, grid)
  if (kind %in% c("slx", "sdm", "sdem")) columns <- c(columns, lapply(lagged, function(name) W %*% grid(name)))
  free <- if (effects == "none") list(matrix(1, n, periods)) else list()
  lag <- function(columns) lapply(columns, function(M) W %*% M)
  both <- c(free, columns)
  Z <- flat(both); WZ <- flat(lag(both)); v <- flat(list(grid(y))); Wv <- flat(list(W %*% grid(y)))
  f <- length(free); k <- length(columns)
  roots <- eigen(A %*% W %*% t(A), only.values = TRUE)$values
  own <- eigen(W, only.values = TRUE)$values
  own <- Re(own[abs(Im(own)) < 1e-9])
  size <- length(v)
  height <- function(p) {
    Zp <- if (kind %in% c("sem", "sdem")) Z - p * WZ else Z
    r <- qr.R(qr(cbind(Zp, if (kind %in% c("ols", "slx")) v else v - p * Wv)))
    last <- r[, f + k + 1]
    scale <- 2 * log(abs(diag(r)[seq_len(f + k)]))
    out <- ncol(B) * sum(log(Mod(1 - p * roots))) - sum(scale[seq_len(f)]) / 2
    if (prior == "flat") {
      nu <- size - f - k
      out <- out - sum(scale[f + seq_len(k)]) / 2 - nu / 2 * log(last[f + k + 1]^2)
    } else {
      nu <- size - f; g <- 1 / max(size, k^2)
      squares <- last[f + k + 1]^2 + g / (1 + g) * sum(last[f + seq_len(k)]^2)
      out <- out + k / 2 * log(g / (1 + g)) - nu / 2 * log(squares)
    }
    out + lgamma(nu / 2) - nu / 2 * log(pi)
  }
  if (kind %in% c("ols", "slx")) return(height(0))
  ends <- c(if (min(own) < 0) 1 / min(own) else -1 / max(own), 1 / max(own))
  places <- seq(ends[1], ends[2], length.out = 402)[2:401]
  heights <- sapply(places, height)
  top <- max(heights); near <- range(places[heights > top - 45])
  step <- diff(places[1:2])
  near <- c(max(near[1] - step, ends[1]), min(near[2] + step, ends[2]))
  inside <- integrate(function(at) sapply(at, function(p) exp(height(p) - top)), near[1], near[2], rel.tol = 1e-10,
                      subdivisions = 1000L)$value
  top + log(inside) - log(diff(ends))
}
