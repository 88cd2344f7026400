package bulwark

import "net/http"

// A method is one of those that have a name of their own in logs and metrics.
// What a client invents is kept out of both.
type method uint8

// methods are those of RFC 9110 and RFC 5789. The first stands for all others.
var methods = [...]string{"_OTHER", http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut,
	http.MethodPatch, http.MethodDelete, http.MethodOptions, http.MethodConnect, http.MethodTrace}

// methodOf returns the method of that name. An empty one is GET, as on the
// client side of net/http.
func methodOf(name string) method {
	if name == "" {
		return 1
	}
	for m := 1; m < len(methods); m++ {
		if methods[m] == name {
			return method(m)
		}
	}
	return 0
}

// String returns the name.
func (m method) String() string { return methods[m] }
