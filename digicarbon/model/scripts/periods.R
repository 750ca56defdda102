
# A spatial panel by period in base R: W among the rows of a period, standardised again if `again`. The adjusted score is
# (Wy)'e/s2 - tr(QG) with e'e = s2 tr(Q), Q the projection that removes the effects; with a spatial error Q removes the
# filtered dummies. Without `adjusted` it is the slope of the likelihood with dummies. `clustered`: the variance of the
# scores is that of sums over units and of products of two units. All matrices are plain ones.
period_ml <- function(data, y, x, lagged, W, kind, effects, adjusted, again, clustered) {
  n <- nrow(data)
  B <- unname(W[data$unit_id, data$unit_id]) * outer(data$time_id, data$time_id, "==")
  if (again) { sums <- rowSums(B); B[sums > 0, ] <- B[sums > 0, ] / sums[sums > 0] }
  X <- as.matrix(data[x]); colnames(X) <- x
  lags <- B %*% as.matrix(data[lagged])
  Z <- cbind(if (effects == "none") 1, X, if (length(lagged)) lags)
  colnames(Z) <- c(if (effects == "none") "const", x, if (length(lagged)) paste0("W_", lagged))
  own <- function(codes) outer(codes, sort(unique(codes)), "==") * 1
  D <- cbind(if (effects %in% c("unit", "two_way")) own(data$unit_id), if (effects %in% c("time", "two_way")) own(data$time_id))
  basis <- function(D) { if (is.null(D)) return(matrix(0, n, 0)); q <- qr(D); qr.Q(q)[, seq_len(q$rank), drop = FALSE] }
  is_error <- kind %in% c("sem", "sdem"); Y <- data[[y]]
  at <- function(p) {
    S <- diag(n) - p * B
    L <- basis(if (is_error && !is.null(D)) S %*% D else D)
    out <- function(M) M - L %*% crossprod(L, M)
    Zp <- out(if (is_error) S %*% Z else Z)
    vp <- out(S %*% Y)
    b <- qr.coef(qr(Zp), vp); e <- as.vector(vp - Zp %*% b)
    G <- t(solve(t(S), t(B)))
    d <- if (adjusted) n - ncol(L) else n
    La <- if (adjusted) L else L[, 0, drop = FALSE]
    Wy <- if (is_error) as.vector(G %*% e) else as.vector(B %*% Y)
    list(b = as.vector(b), e = e, Z = Zp, G = G, L = La, all = L, d = d, out = out,
         score = d * sum(Wy * e) / sum(e^2) - sum(diag(G)) + sum(La * (G %*% La)))
  }
  p <- 0
  if (kind != "slx") {
    roots <- eigen(B, only.values = TRUE)$values
    real <- Re(roots[abs(Im(roots)) < 1e-9])
    places <- seq(1 / min(real), 1 / max(real), length.out = 43)[2:42]
    values <- sapply(places, function(p) at(p)$score)
    down <- which(values[-41] > 0 & values[-1] <= 0)
    if (length(down) != 1) stop("the score has several zeros, or none")
    p <- uniroot(function(p) at(p)$score, places[down + 0:1], tol = 1e-14)$root
  }
  f <- at(p); s2 <- sum(f$e^2) / f$d; k <- ncol(Z); G <- f$G; L <- f$L
  trace <- sum(diag(G)) - sum(L * (G %*% L))
  H <- crossprod(L, G %*% L)
  bent <- sum(G * t(G)) - sum((t(G) %*% L) * (G %*% L))
  square <- sum(G * t(G)) - 2 * sum((t(G) %*% L) * (G %*% L)) + sum(H * t(H))
  norm <- sum(G^2) - sum((t(G) %*% L)^2) - sum((G %*% L)^2) + sum(H^2)
  q <- if (is_error || kind == "slx") rep(0, n) else as.vector(f$out(B %*% Y - G %*% f$e))
  J <- matrix(0, k + 2, k + 2)
  J[1:k, 1:k] <- crossprod(f$Z) / s2
  J[1:k, k + 1] <- J[k + 1, 1:k] <- crossprod(f$Z, q) / s2
  J[k + 1, k + 2] <- J[k + 2, k + 1] <- trace / s2
  J[k + 2, k + 2] <- f$d / (2 * s2^2)
  O <- J
  J[k + 1, k + 1] <- sum(q^2) / s2 + norm + (if (is_error) square else bent)
  O[k + 1, k + 1] <- sum(q^2) / s2 + norm + square
  if (clustered) {
    e <- f$e; by_time <- effects %in% c("time", "two_way"); times <- own(data$time_id)
    M <- basis(if (!by_time) NULL else if (is_error) (diag(n) - p * B) %*% times else times)
    C <- G - M %*% crossprod(M, G); C <- C - C %*% M %*% t(M)
    count <- ave(rep(1, n), data$unit_id, FUN = sum)
    share <- if (effects %in% c("unit", "two_way")) 1 - 1 / count else rep(1, n)
    of_rho <- (q * e + diag(C) * (e^2 - s2 * share)) / s2
    sums <- rowsum(cbind(f$Z * e / s2, of_rho, (e^2 - s2 * (1 - rowSums(basis(D)^2))) / (2 * s2^2)), data$unit_id)
    K <- rowsum(t(rowsum(C * outer(e, e), data$unit_id)), data$unit_id)
    K <- K + t(K); diag(K) <- 0
    O <- crossprod(sweep(sums, 2, colMeans(sums)))
    O[k + 1, k + 1] <- O[k + 1, k + 1] + sum(K^2) / 2 / s2^2
    O <- O * nrow(sums) / (nrow(sums) - 1)
  }
  keep <- if (kind == "slx") c(1:k, k + 2) else 1:(k + 2)
  I <- solve(J[keep, keep])
  V <- matrix(0, k + 2, k + 2); V[keep, keep] <- I %*% O[keep, keep] %*% t(I)
  terms <- c(colnames(Z), if (is_error) "lambda" else "rho", "sigma2")
  list(coefficients = setNames(c(f$b, p, s2), terms), V = V, W = B, x = x, lagged = lagged, kind = kind)
}
