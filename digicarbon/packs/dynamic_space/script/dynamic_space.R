
# Dynamic spatial panel with fixed effects in base R, balanced, rows sorted by unit, then by period. y_lag is the
# outcome's lag. "none": quasi-maximum likelihood with dummies, rho by optimize and the rest by lm. "lee_yu": its
# correction in one step by the expected information. "score": the estimate at which the score equals its exact
# expectation given the first period.
dynamic_ml <- function(data, y, y_lag, x, lagged, W, effects, correction, time_lag, space_time_lag) {
  n <- nrow(W); T <- nrow(data) / n
  grid <- function(column) matrix(column, n, T, byrow = TRUE)
  over_units <- effects %in% c("time", "two_way"); over_time <- effects %in% c("unit", "two_way")
  within <- function(M) {
    if (over_time) M <- M - rowMeans(M)
    if (over_units) M <- M - rep(colMeans(M), each = n)
    as.vector(M)
  }
  Y <- grid(data[[y]]); L <- grid(data[[y_lag]])
  regressors <- c(lapply(x, function(name) grid(data[[name]])), lapply(lagged, function(name) W %*% grid(data[[name]])))
  names(regressors) <- c(x, if (length(lagged)) paste0("W_", lagged))
  Z <- do.call(cbind, lapply(regressors, within))
  dynamic <- list(rho = W %*% Y, lag_y = L, W_lag_y = W %*% L)[c(TRUE, time_lag, space_time_lag)]
  D <- do.call(cbind, lapply(dynamic, within)); v <- within(Y)
  drops <- over_units && correction != "none"
  roots <- eigen(W, only.values = TRUE)$values
  if (drops) roots <- roots[-which.min(Mod(roots - mean(rowSums(W))))]
  units <- if (drops) n - 1 else n
  real <- Re(roots[abs(Im(roots)) < 1e-9])
  all_three <- function(t) { out <- c(rho = 0, lag_y = 0, W_lag_y = 0); out[names(dynamic)] <- t; out }
  # what Z leaves
  rest <- function(M) if (ncol(Z)) qr.resid(qr(Z), M) else M
  C <- crossprod(rest(cbind(D, v))); q <- ncol(D)
  ssr <- function(t) { a <- c(-t, 1); sum(a * (C %*% a)) }
  # quasi-maximum likelihood: given rho it is least squares
  given <- function(rho) c(rho, if (q > 1) solve(C[2:q, 2:q], C[2:q, q + 1] - rho * C[2:q, 1]))
  size <- units * T
  loglik <- function(rho) {
    s <- ssr(given(rho))
    -size / 2 * (log(2 * pi * s / size) + 1) + T * sum(log(Mod(1 - rho * roots)))
  }
  ends <- c(1 / min(real), 1 / max(real)) * (1 - 1e-8)
  slope <- function(rho) { t <- given(rho); -size * sum(C[1, ] * c(t, -1)) / ssr(t) - T * Re(sum(roots / (1 - rho * roots))) }
  best <- optimize(loglik, ends, maximum = TRUE, tol = 1e-10)$maximum
  step <- 1e-3 * diff(ends)
  best <- uniroot(slope, pmin(pmax(best + c(-step, step), ends[1]), ends[2]), tol = 1e-14, extendInt = "downX")$root
  t <- given(best); highest <- loglik(best)
  s2 <- ssr(t) / size
  quasi_hessian <- function(t, s2) {
    g <- roots / (1 - t[1] * roots)
    H <- C[1:q, 1:q, drop = FALSE] / s2
    H[1, 1] <- H[1, 1] + T * Re(sum(g^2)) - 2 * (T * Re(sum(g)))^2 / size
    H
  }
  # the expected information: W y without what errors add to it, and the coefficients of that on Z
  on_z <- if (ncol(Z)) qr.coef(qr(Z), cbind(D, v)) else matrix(0, 0, q + 1)
  information <- function(t, b, s2) {
    G <- W %*% solve(diag(n) - t[1] * W); e <- v - D %*% t - Z %*% b
    mean_of <- D; mean_of[, 1] <- D[, 1] - within(G %*% matrix(e, n, T))
    star <- if (drops) G - rep(colMeans(G), each = n) else G
    H <- crossprod(rest(mean_of)) / s2; g <- roots / (1 - t[1] * roots)
    H[1, 1] <- H[1, 1] + T * (Re(sum(g^2)) + sum(star^2)) - 2 * (T * Re(sum(g)))^2 / size
    list(H = H, moves = if (ncol(Z)) qr.coef(qr(Z), mean_of) else on_z[, 1:q, drop = FALSE])
  }
  one_step <- over_time && correction == "lee_yu"
  # the expected score: g(a) = sum_h (T - 1 - h) a^h / T at each root
  expected <- function(t) {
    p <- all_three(t); u <- 1 / (1 - p[["rho"]] * roots); a <- (p[["lag_y"]] + p[["W_lag_y"]] * roots) * u
    h <- 0:(T - 2); g <- sapply(a, function(z) sum((T - 1 - h) * z^h) / T)
    Re(c(rho = sum(roots * u * ((T - 1) - a * g)), lag_y = -sum(u * g), W_lag_y = -sum(roots * u * g)))[names(dynamic)]
  }
  derivative <- function(t) sapply(seq_along(t), function(i) {
    up <- down <- t; up[i] <- t[i] + 1e-6; down[i] <- t[i] - 1e-6; (expected(up) - expected(down)) / 2e-6
  })
  V <- NULL; factor <- 1
  if (over_time && correction != "none") {
    p <- all_three(t); d <- 1 / (1 - p[["lag_y"]] - (p[["rho"]] + p[["W_lag_y"]]) * roots)
    bias <- Re(c(rho = sum(roots * d), lag_y = sum(d), W_lag_y = sum(roots * d)))[names(dynamic)]
    trace <- T * Re(sum(roots / (1 - t[1] * roots)))
    bias[1] <- bias[1] - trace * units / size
    if (one_step) {
      b <- on_z[, q + 1] - on_z[, 1:q, drop = FALSE] %*% t
      found <- information(t, b, s2); change <- solve(found$H, bias); b <- b - found$moves %*% change
    } else change <- solve(quasi_hessian(t, s2), bias)
    t <- t + change
    s2 <- s2 * (1 + units / size) - 2 * s2 / size * trace * change[[1]]
  }
  if (over_time && correction == "score") {
    size <- units * (T - 1)
    for (i in 1:50) {
      s <- ssr(t); pull <- size / s * as.vector(C[1:q, q + 1] - C[1:q, 1:q, drop = FALSE] %*% t)
      H <- size / s * C[1:q, 1:q, drop = FALSE] + derivative(t) - 2 / size * tcrossprod(pull)
      step <- solve(H, pull - expected(t)); t <- t + step
      if (max(abs(step)) < 1e-11) break
    }
    s2 <- ssr(t) / size; phi <- expected(t); slopes <- derivative(t)
    H <- C[1:q, 1:q, drop = FALSE] / s2 + slopes - 2 / size * tcrossprod(phi)
    # the variance of the score, root by root: traces of products of T x T matrices
    M <- diag(T) - 1 / T; p <- all_three(t); K <- matrix(0, q, q)
    for (w in roots) {
      u <- 1 / (1 - p[["rho"]] * w); a <- (p[["lag_y"]] + p[["W_lag_y"]] * w) * u
      B <- outer(1:T, 1:T, function(i, j) ifelse(i > j, a^pmax(i - j - 1, 0), 0))
      parts <- list(rho = w * u * (diag(T) + a * B), lag_y = u * B, W_lag_y = w * u * B)[names(dynamic)]
      K <- K + Re(sapply(parts, function(one) sapply(parts, function(other) sum(diag(M %*% one %*% M %*% other)))))
    }
    bread <- solve(H); V <- bread + bread %*% (K - slopes) %*% bread
    factor <- size / (size - ncol(Z) - q)
  } else {
    V <- solve(if (one_step) information(t, b, s2)$H else quasi_hessian(t, s2))
    phi <- rep(0, q); phi[1] <- T * Re(sum(roots / (1 - t[1] * roots)))
  }
  # the variance moves with the others by the trace that is their common information
  tie <- -2 * s2 / size * phi
  s2_error <- sqrt(factor * (2 * s2^2 / size + sum(tie * (V %*% tie))))
  if (!one_step) b <- on_z[, q + 1] - on_z[, 1:q, drop = FALSE] %*% t
  moves <- if (one_step) information(t, b, s2)$moves else on_z[, 1:q, drop = FALSE]
  moves <- rbind(-moves, diag(q)); k <- ncol(Z)
  V <- moves %*% V %*% t(moves)
  V[1:k, 1:k] <- V[1:k, 1:k] + s2 * solve(crossprod(Z))
  terms <- c(names(regressors), names(dynamic))
  dimnames(V) <- list(terms, terms)
  list(coefficients = c(setNames(c(b, t), terms), sigma2 = s2), V = factor * V, s2_error = s2_error, loglik = highest,
       W = W, lagged = lagged)
}

# Effects at once, means of (I - rho W)^-1 (I beta + W theta), and in the long run, errors by the delta method.
dynamic_effects <- function(fit, name, long) {
  terms <- rownames(fit$V); n <- nrow(fit$W)
  value <- function(parameters) {
    at <- function(term) if (term %in% terms) parameters[[match(term, terms)]] else 0
    left <- if (long) 1 - at("lag_y") else 1
    rho <- at("rho") + if (long) at("W_lag_y") else 0
    E <- solve(left * diag(n) - rho * fit$W, at(name) * diag(n) + at(paste0("W_", name)) * fit$W)
    total <- mean(rowSums(E)); direct <- mean(diag(E))
    c(direct, total - direct, total)
  }
  at <- unname(fit$coefficients[terms]); step <- 1e-5 * pmax(abs(at), 1e-2)
  J <- sapply(seq_along(at), function(i) {
    up <- down <- at
    up[i] <- at[i] + step[i]; down[i] <- at[i] - step[i]
    (value(up) - value(down)) / (2 * step[i])
  })
  list(effects = setNames(value(at), c("direct", "indirect", "total")),
       errors = setNames(sqrt(diag(J %*% fit$V %*% t(J))), c("direct", "indirect", "total")))
}
