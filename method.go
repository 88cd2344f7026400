package bulwark

import "net/http"

// A method is one of the methods that logs and metrics show by name. A method
// that a client invents is kept out of both.
type method uint8

// methods are the methods of RFC 9110 and RFC 5789. The first name stands for
// all other methods.
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
