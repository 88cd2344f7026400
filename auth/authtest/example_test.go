package authtest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth/authtest"
)

func ExampleAs() {
	hello := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		caller, known := bulwark.PrincipalFrom(r.Context())
		if !known {
			fmt.Println("hello, stranger")
			return
		}
		fmt.Println("hello,", caller.Subject)
	})
	request := httptest.NewRequest("GET", "/", nil)
	hello.ServeHTTP(httptest.NewRecorder(), authtest.As(request, &bulwark.Principal{Issuer: "test", Subject: "alice"}))
	hello.ServeHTTP(httptest.NewRecorder(), authtest.As(request, nil))
	// Output:
	// hello, alice
	// hello, stranger
}
