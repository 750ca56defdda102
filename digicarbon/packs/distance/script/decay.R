
# A spatial panel whose weights are d^-gamma or exp(-gamma d), rows summing to one: the likelihood of spatial_ml at each
# gamma, its top by a grid and optimize(), and standard errors from the numerical Hessian of the joint log-likelihood.
decay_weights <- function(D, gamma, decay) {
  W <- if (decay == "power") D^-gamma else exp(-gamma * D)
  W[D == 0] <- 0
  W / rowSums(W)
}
decay_ml <- function(data, y, x, lagged, D, kind, effects, correction, decay, low, high) {
  at <- function(gamma)
    spatial_ml(data, y, x, lagged, decay_weights(D, gamma, decay), kind, effects, correction, "exact", limit = 1)
  places <- low + (high - low) * seq(0, 1, length.out = 25)^2
  heights <- sapply(places, function(gamma) at(gamma)$loglik)
  best <- which.max(heights)
  gamma <- optimize(function(gamma) at(gamma)$loglik, places[c(max(best - 1, 1), min(best + 1, 25))],
                    maximum = TRUE, tol = 1e-9 * (high - low))$maximum
  fit <- at(gamma)
  if (kind == "slx") fit$coefficients <- fit$coefficients[names(fit$coefficients) != "rho"]
  p <- length(fit$coefficients)
  parameters <- c(fit$coefficients[-p], gamma = gamma, fit$coefficients[p])
  n <- nrow(D); periods <- nrow(data) / n
  grid <- function(column) matrix(data[[column]], n, periods, byrow = TRUE)
  over_units <- effects %in% c("time", "two_way"); over_time <- effects %in% c("unit", "two_way")
  moved <- correction == "lee_yu"
  ts <- if (over_time && moved) periods - 1 else periods
  size <- ts * (if (over_units && moved) n - 1 else n)
  within <- function(M) {
    if (over_units) M <- M - rep(colMeans(M), each = n)
    if (over_time) M <- M - rowMeans(M)
    M
  }
  joint <- function(theta) {
    names(theta) <- names(parameters)
    W <- decay_weights(D, theta[["gamma"]], decay)
    mean <- if (effects == "none") matrix(theta[["const"]], n, periods) else matrix(0, n, periods)
    for (name in x) mean <- mean + theta[[name]] * grid(name)
    for (name in lagged) mean <- mean + theta[[paste0("W_", name)]] * (W %*% grid(name))
    rho <- if (kind == "slx") 0 else theta[[if (kind %in% c("sem", "sdem")) "lambda" else "rho"]]
    S <- diag(n) - rho * W
    e <- within(if (kind %in% c("sem", "sdem")) S %*% (grid(y) - mean) else S %*% grid(y) - mean)
    jacobian <- as.numeric(determinant(S)$modulus) - if (over_units && moved) log(1 - rho) else 0
    -size / 2 * log(2 * pi * theta[["sigma2"]]) - sum(e^2) / (2 * theta[["sigma2"]]) + ts * jacobian
  }
  H <- optimHess(parameters, joint, control = list(ndeps = 1e-4 * pmax(abs(parameters), 1e-2), fnscale = -1))
  list(coefficients = parameters, V = solve(-H), loglik = fit$loglik)
}
