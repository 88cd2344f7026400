// Package attacks sends the same attacks to one service under net/http, chi,
// gorilla/mux, gin and echo. It has tests only.
package attacks
