// Package bulwarktest is what net/http/httptest is to handlers, for their
// defences: it helps a test assert what a layer refused and what it reported.
package bulwarktest
