
# A spatial panel by period in base R. `W` is a list: each element a matrix for all periods, or a list of matrices by
# period; the rows of a period have theirs, standardised again where `again` says so. `every`: regressors are lagged by
# each W, else by the first. The adjusted score is (Wy)'e/s2 - tr(QG) with e'e = s2 tr(Q), Q the projection that removes
# the effects; with a spatial error Q removes the filtered dummies. Without `adjusted` it is the slope of the likelihood
# with dummies. `clustered`: the variance of the scores is that of sums over units and of products of two units. All
# matrices are plain ones.
period_ml <- function(data, y, x, lagged, W, every, kind, effects, adjusted, again, clustered) {
  n <- nrow(data); several <- length(W)
  by_row <- function(W, again) {
    B <- matrix(0, n, n)
    for (time in unique(data$time)) {
      rows <- data$time == time; units <- data$unit_id[rows]
      B[rows, rows] <- (if (is.list(W)) W[[as.character(time)]] else W)[units, units]
    }
    if (again) { sums <- rowSums(B); B[sums > 0, ] <- B[sums > 0, ] / sums[sums > 0] }
    B
  }
  B <- Map(by_row, W, again)
  X <- as.matrix(data[x]); colnames(X) <- x
  lags <- if (length(lagged)) do.call(cbind, lapply(if (every) B else B[1], function(B) B %*% as.matrix(data[lagged])))
  Z <- cbind(if (effects == "none") 1, X, lags)
  places <- c("", seq_along(W)[-1])
  of_lags <- as.vector(outer(lagged, paste0("W", places[seq_len(if (every) several else 1)], "_"),
                             function(name, head) paste0(head, name)))
  colnames(Z) <- c(if (effects == "none") "const", x, if (length(lagged)) of_lags)
  own <- function(codes) outer(codes, sort(unique(codes)), "==") * 1
  D <- cbind(if (effects %in% c("unit", "two_way")) own(data$unit_id), if (effects %in% c("time", "two_way")) own(data$time_id))
  basis <- function(D) { if (is.null(D)) return(matrix(0, n, 0)); q <- qr(D); qr.Q(q)[, seq_len(q$rank), drop = FALSE] }
  is_error <- kind %in% c("sem", "sdem"); Y <- data[[y]]
  filter_at <- function(p) diag(n) - Reduce(`+`, Map(`*`, p, B))
  at <- function(p) {
    S <- filter_at(p)
    L <- basis(if (is_error && !is.null(D)) S %*% D else D)
    out <- function(M) M - L %*% crossprod(L, M)
    Zp <- out(if (is_error) S %*% Z else Z)
    vp <- out(S %*% Y)
    b <- qr.coef(qr(Zp), vp); e <- as.vector(vp - Zp %*% b)
    G <- lapply(B, function(B) t(solve(t(S), t(B))))
    d <- if (adjusted) n - ncol(L) else n
    La <- if (adjusted) L else L[, 0, drop = FALSE]
    Wy <- Map(function(G, B) if (is_error) as.vector(G %*% e) else as.vector(B %*% Y), G, B)
    score <- mapply(function(Wy, G) d * sum(Wy * e) / sum(e^2) - sum(diag(G)) + sum(La * (G %*% La)), Wy, G)
    list(b = as.vector(b), e = e, Z = Zp, G = G, L = La, d = d, out = out, Wy = Wy, score = score)
  }
  traces <- function(G, L) {
    H <- lapply(G, function(G) crossprod(L, G %*% L))
    both <- function(f) outer(seq_along(G), seq_along(G), Vectorize(f))
    crossed <- function(r, s) sum((t(G[[r]]) %*% L) * (G[[s]] %*% L))
    list(
      bent = both(function(r, s) sum(G[[r]] * t(G[[s]])) - crossed(r, s)),
      square = both(function(r, s) sum(G[[r]] * t(G[[s]])) - crossed(r, s) - crossed(s, r) + sum(H[[r]] * t(H[[s]]))),
      norm = both(function(r, s) sum(G[[r]] * G[[s]]) - sum((t(G[[r]]) %*% L) * (t(G[[s]]) %*% L)) -
                    sum((G[[r]] %*% L) * (G[[s]] %*% L)) + sum(H[[r]] * H[[s]])))
  }
  p <- rep(0, several)
  if (kind != "slx" && several == 1) {
    roots <- eigen(B[[1]], only.values = TRUE)$values
    real <- Re(roots[abs(Im(roots)) < 1e-9])
    nodes <- seq(1 / min(real), 1 / max(real), length.out = 43)[2:42]
    values <- sapply(nodes, function(p) at(p)$score)
    down <- which(values[-41] > 0 & values[-1] <= 0)
    if (length(down) != 1) stop("the score has several zeros, or none")
    p <- uniroot(function(p) at(p)$score, nodes[down + 0:1], tol = 1e-14)$root
  } else if (kind != "slx") {
    # Newton's steps from zero, with the least sum of squares where the score does not fall
    for (step in 1:100) {
      f <- at(p)
      v <- sapply(f$Wy, function(Wy) qr.resid(qr(f$Z), as.vector(f$out(Wy))))
      along <- crossprod(v, f$e) / sum(f$e^2); gram <- crossprod(v) / sum(f$e^2)
      slope <- f$d * (2 * tcrossprod(along) - gram) - traces(f$G, f$L)$bent
      if (max(eigen((slope + t(slope)) / 2)$values) >= 0) slope <- -f$d * gram
      change <- -as.vector(solve(slope, f$score))
      while (min(Re(eigen(filter_at(p + change), only.values = TRUE)$values)) <= 0) change <- change / 2
      p <- p + change
      if (max(abs(change)) < 1e-12) break
    }
    if (max(abs(change)) >= 1e-8) stop("the steps to the zero of the scores do not end")
  }
  f <- at(p); s2 <- sum(f$e^2) / f$d; k <- ncol(Z); G <- f$G; L <- f$L
  of_rho <- k + seq_len(several); last <- k + several + 1
  products <- traces(G, L)
  trace <- sapply(G, function(G) sum(diag(G)) - sum(L * (G %*% L)))
  q <- if (is_error || kind == "slx") matrix(0, n, several) else
    mapply(function(Wy, G) as.vector(f$out(Wy - G %*% f$e)), f$Wy, G)
  J <- matrix(0, last, last)
  J[1:k, 1:k] <- crossprod(f$Z) / s2
  J[1:k, of_rho] <- crossprod(f$Z, q) / s2
  J[of_rho, 1:k] <- t(J[1:k, of_rho])
  J[of_rho, last] <- J[last, of_rho] <- trace / s2
  J[last, last] <- f$d / (2 * s2^2)
  O <- J
  J[of_rho, of_rho] <- crossprod(q) / s2 + products$norm + (if (is_error) products$square else products$bent)
  O[of_rho, of_rho] <- crossprod(q) / s2 + products$norm + products$square
  if (clustered) {
    e <- f$e; by_time <- effects %in% c("time", "two_way"); times <- own(data$time_id)
    M <- basis(if (!by_time) NULL else if (is_error) filter_at(p) %*% times else times)
    count <- ave(rep(1, n), data$unit_id, FUN = sum)
    share <- if (effects %in% c("unit", "two_way")) 1 - 1 / count else rep(1, n)
    C <- lapply(G, function(G) { C <- G - M %*% crossprod(M, G); C - C %*% M %*% t(M) })
    scores <- sapply(seq_along(C), function(r) (q[, r] * e + diag(C[[r]]) * (e^2 - s2 * share)) / s2)
    sums <- rowsum(cbind(f$Z * e / s2, scores, (e^2 - s2 * (1 - rowSums(basis(D)^2))) / (2 * s2^2)), data$unit_id)
    K <- lapply(C, function(C) {
      K <- rowsum(t(rowsum(C * outer(e, e), data$unit_id)), data$unit_id); K <- K + t(K); diag(K) <- 0; K
    })
    O <- crossprod(sweep(sums, 2, colMeans(sums)))
    pairs <- outer(seq_along(K), seq_along(K), Vectorize(function(r, s) sum(K[[r]] * K[[s]])))
    O[of_rho, of_rho] <- O[of_rho, of_rho] + pairs / 2 / s2^2
    O <- O * nrow(sums) / (nrow(sums) - 1)
  }
  keep <- if (kind == "slx") c(1:k, last) else 1:last
  I <- solve(J[keep, keep])
  V <- matrix(0, last, last); V[keep, keep] <- I %*% O[keep, keep] %*% t(I)
  terms <- c(colnames(Z), if (is_error) "lambda" else paste0("rho", ifelse(places == "", "", paste0("_", places))), "sigma2")
  list(coefficients = setNames(c(f$b, p, s2), terms), V = V, W = B, x = x, lagged = lagged, kind = kind)
}
