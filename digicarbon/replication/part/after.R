# Columns after effects and what is always there: residuals of least squares, times the roots of weights.
after_effects <- function(data, columns, dummies, always = character(0), weights = rep(1, nrow(data))) {
  D <- qr(cbind(model.matrix(dummies, data), as.matrix(data[always])) * sqrt(weights))
  X <- qr.resid(D, as.matrix(data[columns]) * sqrt(weights))
  colnames(X) <- columns
  list(X = X, free = nrow(X) - D$rank)
}
