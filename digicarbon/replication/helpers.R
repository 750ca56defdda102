failed <- character(0)
checked <- 0
not_checked <- character(0)

# Compares named numbers with those that were recorded: equal to a share of the larger of coefficient and standard error.
check <- function(run, found, expected, scale = abs(expected), tolerance = 1e-6, what = "coefficient") {
  found <- found[names(expected)]
  distance <- abs(unname(found) - unname(expected)) / pmax(unname(abs(expected)), unname(scale), 1e-12)
  bad <- is.na(distance) | distance > tolerance
  checked <<- checked + length(expected)
  for (i in which(bad)) {
    line <- sprintf("%s: %s of %s is %.12g, recorded %.12g", run, what, names(expected)[i], found[i], expected[i])
    cat("DIFFERS ", line, "\n", sep = "")
    failed <<- c(failed, line)
  }
  if (!any(bad)) cat(sprintf("equal    %s: %d %ss, largest relative difference %.1e\n", run, length(expected), what,
                             max(distance)))
}

skip <- function(run, why) {
  not_checked <<- c(not_checked, paste0(run, ": ", why))
  cat("not run  ", run, ": ", why, "\n", sep = "")
}

# Weights: a matrix in the order of unit_id, or a list of them by period.
matrix_of <- function(file) as.matrix(read.csv(file, row.names = 1, check.names = FALSE, encoding = "UTF-8"))
by_period <- function(file) {
  whole <- read.csv(file, check.names = FALSE, encoding = "UTF-8")
  lapply(split(whole[-(1:2)], as.character(whole$period)), as.matrix)
}

# Standard errors of a covariance, which can be indefinite where clusters are few: then negative eigenvalues are zero.
errors_of <- function(V, repair = FALSE) {
  if (repair) {
    parts <- eigen((V + t(V)) / 2)
    V[] <- parts$vectors %*% (pmax(parts$values, 0) * t(parts$vectors))
  }
  sqrt(diag(V))
}
