# Sums of shares times a column, by period and sector.
by_sector <- function(shares, periods, column) rowsum(shares * column, periods)

# Goldsmith-Pinkham, Sorkin and Swift (2020): weights, and estimates with the part of the instrument of one sector.
rotemberg <- function(shares, shocks, periods, x, y) {
  of_x <- by_sector(shares, periods, x) * shocks
  of_y <- by_sector(shares, periods, y) * shocks
  list(estimate = sum(of_y) / sum(of_x),
       weight = colSums(of_x) / sum(of_x), coefficient = colSums(of_y) / colSums(of_x),
       period_weight = rowSums(of_x) / sum(of_x), period_coefficient = rowSums(of_y) / rowSums(of_x))
}

# Adao, Kolesar and Morales (2019): standard errors of AKM and AKM0, as in ShiftShareSE.
akm <- function(shares, periods, x, y, z, level, by_shock) {
  own <- function(rows) qr.coef(qr(shares[rows, , drop = FALSE]), z[rows])
  residual <- do.call(rbind, lapply(split(seq_along(z), periods), own))
  scores <- function(column) {
    found <- residual * by_sector(shares, periods, column)
    if (by_shock) as.vector(found) else colSums(found)
  }
  coef <- sum(z * y) / sum(z * x)
  of_error <- scores(y - coef * x)
  of_x <- scores(x)
  critical <- qnorm((1 + level) / 2)
  q <- (sum(z * x) / critical)^2 - sum(of_x^2)
  shift <- sum(of_error * of_x) / q
  c(coefficient = coef, se = sqrt(sum(of_error^2)) / abs(sum(z * x)),
    se_null = if (q > 0) sqrt(shift^2 + sum(of_error^2) / q) / critical else NA,
    middle_null = coef - shift, p_null = 2 * pnorm(-abs(coef) / (sqrt(sum(scores(y)^2)) / abs(sum(z * x)))))
}
