# Oster (2019): x, controls and y are the columns of X, in this order.
oster <- function(X, r_max, selection, beta) {
  x <- X[, 1]
  y <- X[, ncol(X)]
  rest <- qr.resid(qr(cbind(0, X[, -c(1, ncol(X)), drop = FALSE])), X[, c(1, ncol(X))])
  s <- sum(x^2)
  t <- sum(rest[, 1]^2)
  short <- sum(x * y) / s
  long <- sum(rest[, 1] * rest[, 2]) / t
  r2_short <- 1 - sum((y - short * x)^2) / sum(y^2)
  r2_long <- 1 - sum((rest[, 2] - long * rest[, 1])^2) / sum(y^2)
  if (is.na(r_max)) r_max <- min(1.3 * r2_long, 1)
  b <- short - long
  nu <- long - beta
  gained <- (r2_long - r2_short) * sum(y^2)
  left <- (r_max - r2_long) * sum(y^2)
  cubic <- nu^3 * (t * s - t^2)
  delta <- (nu * t * (gained + s * b^2) + 2 * nu^2 * t * b * s + cubic) /
    (left * b * s + nu * left * (s - t) + nu^2 * t * b * s + cubic)
  # the bias is b / v, v the largest positive root
  v <- polyroot(c((selection - 1) * (t * s - t^2) * b^2, (selection - 2) * t * s * b^2,
                  selection * left * (s - t) - gained * t - s * t * b^2, selection * left * s))
  v <- Re(v[abs(Im(v)) < 1e-7 * Mod(v)])
  v <- if (any(v > 0)) max(v) else v[which.max(abs(v))]
  adjusted <- if (left * b == 0) long else long - b / v
  c(short = short, r2_short = r2_short, long = long, r2_long = r2_long, r_max = r_max, delta = delta,
    adjusted = adjusted, approximate = long - selection * b * left / gained, bound_low = min(long, adjusted),
    bound_high = max(long, adjusted))
}

# Cinelli and Hazlett (2020): the partial R2 that takes away a share q of a coefficient, or its significance.
robustness <- function(t, df, q = 1, critical = 0) {
  f <- q * abs(t) / sqrt(df)
  least <- critical / sqrt(df - 1)
  above <- max(f - least, 0)
  if (above > 0 && f * least > 1) (f^2 - least^2) / (1 + f^2) else (sqrt(above^4 + 4 * above^2) - above^2) / 2
}

# Classic t statistic and residual degrees of freedom of the first column, beside the others; the last is the outcome.
classic <- function(X, free) {
  rest <- qr.resid(qr(cbind(0, X[, -c(1, ncol(X)), drop = FALSE])), X[, c(1, ncol(X))])
  coef <- sum(rest[, 1] * rest[, 2]) / sum(rest[, 1]^2)
  df <- free - ncol(X) + 1
  se <- sqrt(sum((rest[, 2] - coef * rest[, 1])^2) / df / sum(rest[, 1]^2))
  c(coef = coef, se = se, df = df)
}

# Partial R2 of a column with others, beside what is in a third set.
explained <- function(X, of, by, beside) {
  left <- function(right) sum(qr.resid(qr(cbind(0, X[, right, drop = FALSE])), X[, of])^2)
  1 - left(c(beside, by)) / left(beside)
}

# A confounder some times as strong as a group of controls: its partial R2, and the coefficient and error with it.
benchmark <- function(X, focal, y, group, others, times, scale, free) {
  of_x <- explained(X, focal, group, others)
  of_y <- explained(X, y, group, c(focal, others))
  with_x <- times * of_x / (1 - of_x)
  shared <- times * of_x^2 / ((1 - times * of_x) * (1 - of_x))
  with_y <- min(((sqrt(times) + sqrt(shared)) / sqrt(1 - shared))^2 * of_y / (1 - of_y), 1)
  own <- classic(X[, c(focal, group, others, y)], free)
  bias <- sqrt(with_y * with_x / (1 - with_x) * own[["df"]]) * own[["se"]]
  c(r2dz_x = with_x, r2yz_dx = with_y, coef = sign(own[["coef"]]) * (abs(own[["coef"]]) - bias),
    se = scale * own[["se"]] * sqrt((1 - with_y) / (1 - with_x) * own[["df"]] / (own[["df"]] - 1)))
}
