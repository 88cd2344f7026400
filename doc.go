// Package bulwark is the shared vocabulary of a library of net/http security
// layers. Each layer is a package of its own that wraps an [http.Handler]; this
// package composes them into a defense-in-depth chain and lets them share what
// they found out about a request.
package bulwark
