
# Spatial models by instruments in base R, balanced; rows are sorted by unit, then by period. Lags are taken of raw data,
# effects are removed afterwards. `orders` are the spatial lags that are instruments: names of columns and orders of W.
spatial_iv <- function(data, y, x, lagged, endogenous, instruments, orders, W, effects, lag, error, robust) {
  n <- nrow(W); periods <- nrow(data) / n
  grid <- function(column) matrix(column, n, periods, byrow = TRUE)
  within <- function(M) {
    if (effects %in% c("unit", "two_way")) M <- M - rowMeans(M)
    if (effects %in% c("time", "two_way")) M <- sweep(M, 2, colMeans(M))
    M
  }
  power <- function(M, order) { for (i in seq_len(order)) M <- W %*% M; M }
  columns <- lapply(c(x, instruments, y), function(name) grid(data[[name]]))
  names(columns) <- c(x, instruments, y)
  regressors <- columns[x]
  for (name in lagged) regressors[[paste0("W_", name)]] <- power(columns[[name]], 1)
  inside <- c(endogenous, if (length(intersect(lagged, endogenous))) paste0("W_", intersect(lagged, endogenous)))
  if (lag) { regressors[["rho"]] <- power(columns[[y]], 1); inside <- c(inside, "rho") }
  if (effects == "none") regressors <- c(list(const = matrix(1, n, periods)), regressors)
  outside <- c(regressors[setdiff(names(regressors), inside)], columns[instruments],
               Map(function(name, order) power(columns[[name]], order), orders$name, orders$order))
  stack <- function(list, f = within) do.call(cbind, lapply(list, function(M) as.vector(f(M))))
  Z <- stack(regressors); v <- as.vector(within(columns[[y]])); H <- qr.Q(qr(stack(outside)))
  if (!length(inside)) H <- NULL
  project <- function(Z) if (is.null(H)) Z else H %*% crossprod(H, Z)
  instrumented <- function(Z, v) solve(crossprod(project(Z), Z), crossprod(project(Z), v))[, 1]
  size <- n * periods; k <- ncol(Z)
  absorbed <- c(none = 0, unit = n, time = periods, two_way = n + periods - 1)[[effects]]
  unit <- rep(seq_len(n), periods); time <- rep(seq_len(periods), each = n)
  if (!error) {
    b <- instrumented(Z, v); P <- project(Z)
    return(list(coefficients = setNames(b, colnames(Z)), e = v - Z %*% b, P = P, bread = solve(crossprod(P)),
                rows = size, k = k, absorbed = absorbed, unit = unit, time = time, W = W, x = x))
  }
  # moments e'Ae of two matrices whose diagonals are zero among what effects leave of e
  J <- if (effects %in% c("time", "two_way")) diag(n) - 1 / n else diag(n)
  moments <- lapply(list(crossprod(W), W), function(A) A - diag(solve((J * J), diag(J %*% A %*% J))))
  both <- lapply(moments, function(A) J %*% (A + t(A)) %*% J)
  WZ <- stack(regressors, function(M) within(W %*% M)); Wv <- as.vector(within(W %*% columns[[y]]))
  quadratic <- function(A, a, b) sum(matrix(a, n) * (A %*% matrix(b, n)))
  polynomial <- function(u, Wu) lapply(moments, function(A) {
    c(quadratic(A, u, u), -quadratic(A, u, Wu) - quadratic(A, Wu, u), quadratic(A, Wu, Wu))
  })
  ends <- range(Re(1 / eigen(W, only.values = TRUE)$values[c(1, which.min(Re(eigen(W, only.values = TRUE)$values)))]))
  smallest <- function(m, V) {
    M <- do.call(rbind, m); inner <- t(M) %*% V %*% M
    q <- c(inner[1, 1], 2 * inner[1, 2], 2 * inner[1, 3] + inner[2, 2], 2 * inner[2, 3], inner[3, 3])
    roots <- polyroot(q[2:5] * 1:4)
    real <- Re(roots[abs(Im(roots)) < 1e-8])
    places <- c(ends, real[real > ends[1] & real < ends[2]])
    places[which.min(sapply(places, function(p) sum(q * p^(0:4))))]
  }
  left <- size - absorbed
  share <- if (effects %in% c("unit", "two_way")) 1 - 1 / periods else 1
  parts <- function(e, Zf) {
    s <- if (robust) e^2 * size / left else rep(sum(e^2) / left, size)
    Q <- if (is.null(H)) Zf else project(Zf)
    HP <- Q %*% solve(crossprod(Q))
    E <- matrix(e, n)
    alpha <- if (is.null(H)) matrix(0, k, 2) else
      -sapply(moments, function(A) crossprod(Zf, as.vector((A + t(A)) %*% E)))
    a <- HP %*% matrix(alpha, k)
    S <- matrix(s, n)
    psi <- matrix(0, 2, 2)
    for (i in 1:2) for (j in 1:2) psi[i, j] <- share / 2 * sum(S * ((both[[i]] * both[[j]]) %*% S))
    list(HP = HP, s = s, a = a, psi = psi + crossprod(a * s, a))
  }
  b <- if (is.null(H)) qr.coef(qr(Z), v) else instrumented(Z, v)
  p <- smallest(polynomial(v - Z %*% b, Wv - WZ %*% b), diag(2))
  b <- if (is.null(H)) qr.coef(qr(Z - p * WZ), v - p * Wv) else instrumented(Z - p * WZ, v - p * Wv)
  u <- v - Z %*% b; Wu <- Wv - WZ %*% b
  m <- polynomial(u, Wu)
  p <- smallest(m, solve(parts(as.vector(u - p * Wu), Z - p * WZ)$psi))
  f <- parts(as.vector(u - p * Wu), Z - p * WZ)
  j <- -sapply(m, function(q) q[2] + 2 * p * q[3])
  weighted <- solve(f$psi, j); of_p <- 1 / sum(j * weighted)
  cross <- crossprod(f$HP * f$s, f$a) %*% weighted * of_p
  V <- rbind(cbind(crossprod(f$HP * f$s, f$HP), cross), c(cross, of_p))
  list(coefficients = setNames(c(b, p), c(colnames(Z), "lambda")), V = V, W = W, x = x)
}

# Classic, White's and clustered covariances of such a fit.
spatial_iv_errors <- function(fit, cov, factors) {
  scores <- fit$P * as.vector(fit$e)
  sums <- function(by) crossprod(rowsum(scores, by))
  middle <- switch(cov,
    classic = return(fit$bread * sum(fit$e^2) / fit$rows * factors),
    robust = crossprod(scores), unit = sums(fit$unit), time = sums(fit$time),
    both = sums(fit$unit) + sums(fit$time) - crossprod(scores))
  V <- fit$bread %*% middle %*% fit$bread * factors
  if (cov == "both") {
    roots <- eigen((V + t(V)) / 2)
    V <- roots$vectors %*% (pmax(roots$values, 0) * t(roots$vectors))
  }
  V
}
