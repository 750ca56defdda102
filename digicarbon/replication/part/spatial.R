
# Maximum likelihood of a spatial panel in base R, balanced, units fastest within nothing: rows are sorted by unit, then
# by period. Lee and Yu's transformation (lee_yu) takes orthonormal differences; "none" demeans. "exact" takes spatial
# lags of raw data and removes effects afterwards, "first" removes effects before y is lagged, as splm does.
spatial_ml <- function(data, y, x, lagged, W, kind, effects, correction, demeaning,
                       limit = Inf) {
  n <- nrow(W); periods <- nrow(data) / n
  grid <- function(column) matrix(column, n, periods, byrow = TRUE)
  centring <- function(m) diag(m) - 1 / m
  differences <- function(m) t(contr.helmert(m)) / sqrt(colSums(contr.helmert(m)^2))
  over_units <- effects %in% c("time", "two_way"); over_time <- effects %in% c("unit", "two_way")
  lee_yu <- correction == "lee_yu"
  remover <- function(wanted, m) if (!wanted) diag(m) else if (lee_yu) differences(m) else centring(m)
  A <- remover(over_units, n); B <- t(remover(over_time, periods))
  within <- function(M) A %*% M %*% B
  Ws <- if (over_units && lee_yu) A %*% W %*% t(A) else W
  ns <- nrow(Ws); ts <- if (over_time && lee_yu) periods - 1 else periods
  lag <- function(M) if (demeaning == "first") W %*% within(M) else within(W %*% M)
  regressors <- c(lapply(x, function(name) grid(data[[name]])), lapply(lagged, function(name) W %*% grid(data[[name]])))
  names(regressors) <- c(x, if (length(lagged)) paste0("W_", lagged))
  if (effects == "none") regressors <- c(list(const = matrix(1, n, periods)), regressors)
  stack <- function(f) do.call(cbind, lapply(regressors, function(M) as.vector(f(M))))
  Y <- grid(data[[y]]); v <- as.vector(within(Y)); Z <- stack(within); Wv <- as.vector(lag(Y))
  roots <- eigen(Ws, only.values = TRUE)$values
  real <- Re(roots[abs(Im(roots)) < 1e-9])
  traces <- function(p) ts * Re(sum(roots / (1 - p * roots)))
  size <- ns * ts
  is_error <- kind %in% c("sem", "sdem"); WZ <- if (is_error) stack(lag)
  at <- function(p) {
    Zp <- if (is_error) Z - p * WZ else Z
    vp <- v - p * Wv
    b <- qr.coef(qr(Zp), vp)
    e <- vp - Zp %*% b
    list(b = b, e = e, Z = Zp, slope = if (is_error) -(Wv - WZ %*% b) else -Wv)
  }
  loglik <- function(p) {
    s <- sum(at(p)$e^2)
    -size / 2 * (log(2 * pi * s / size) + 1) + ts * sum(log(Mod(1 - p * roots)))
  }
  score <- function(p) { f <- at(p); -size * sum(f$e * f$slope) / sum(f$e^2) - traces(p) }
  p <- 0
  if (kind != "slx") {
    ends <- c(if (min(real) < 0) 1 / min(real) else -5, if (max(real) > 0) 1 / max(real) else 5) * (1 - 1e-8)
    ends <- pmin(pmax(ends, -limit), limit)
    best <- optimize(loglik, ends, maximum = TRUE, tol = 1e-10)$maximum
    step <- 1e-4 * diff(ends)
    near <- pmin(pmax(best + c(-step, step), ends[1]), ends[2])
    # at an end of the range the likelihood has no interior maximum
    p <- if (score(near[1]) > 0 && score(near[2]) < 0) uniroot(score, near, tol = 1e-14)$root else best
  }
  f <- at(p); s2 <- sum(f$e^2) / size
  k <- ncol(Z)
  G <- Ws %*% solve(diag(ns) - p * Ws)
  q <- rep(0, size)
  if (kind %in% c("sar", "sdm")) {
    fitted <- Reduce(`+`, Map(function(M, b) M * b, regressors, f$b))
    full <- W %*% solve(diag(n) - p * W)
    q <- as.vector(if (demeaning == "first") full %*% within(fitted) else within(full %*% fitted))
  }
  I <- matrix(0, k + 2, k + 2)
  I[1:k, 1:k] <- crossprod(f$Z) / s2
  I[1:k, k + 1] <- I[k + 1, 1:k] <- crossprod(f$Z, q) / s2
  I[k + 1, k + 1] <- ts * sum(G * t(G) + G * G) + sum(q^2) / s2
  I[k + 1, k + 2] <- I[k + 2, k + 1] <- ts * sum(diag(G)) / s2
  I[k + 2, k + 2] <- size / (2 * s2^2)
  keep <- if (kind == "slx") c(1:k, k + 2) else 1:(k + 2)
  V <- matrix(0, k + 2, k + 2); V[keep, keep] <- solve(I[keep, keep])
  terms <- c(names(regressors), if (is_error) "lambda" else "rho", "sigma2")
  list(coefficients = setNames(c(f$b, p, s2), terms), V = V, loglik = loglik(p), W = W, x = x, lagged = lagged,
       kind = kind)
}

# Direct, indirect and total effects: means of (I - rho W)^-1 (I beta + W theta), errors by the delta method. `fit$W` is
# a matrix, or a list of several, with the terms rho_2, W2_x and so on.
spatial_effects <- function(fit, name) {
  W <- if (is.list(fit$W)) fit$W else list(fit$W)
  one <- diag(nrow(W[[1]])); places <- c("", seq_along(W)[-1])
  value <- function(parameters) {
    names(parameters) <- names(fit$coefficients)
    along <- function(terms, there) Reduce(`+`, Map(function(term, W) {
      if (there && term %in% names(parameters)) parameters[[term]] * W else 0
    }, terms, W))
    rho <- along(paste0("rho", ifelse(places == "", "", "_"), places), fit$kind %in% c("sar", "sdm"))
    theta <- along(paste0("W", places, "_", name), name %in% fit$lagged)
    E <- solve(one - rho, parameters[[name]] * one + theta)
    total <- mean(rowSums(E)); direct <- mean(diag(E))
    c(direct, total - direct, total)
  }
  at <- unname(fit$coefficients); step <- 1e-5 * pmax(abs(at), 1e-2)
  J <- sapply(seq_along(at), function(i) {
    up <- down <- at
    up[i] <- at[i] + step[i]; down[i] <- at[i] - step[i]
    (value(up) - value(down)) / (2 * step[i])
  })
  list(effects = setNames(value(at), c("direct", "indirect", "total")),
       errors = setNames(sqrt(diag(J %*% fit$V %*% t(J))), c("direct", "indirect", "total")))
}
