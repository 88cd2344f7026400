package transport_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/headers/transport"
)

// A program serves until it is told to stop; ctx would come from
// signal.NotifyContext.
func ExampleServe() {
	ctx, stop := context.WithCancel(context.Background())
	hello := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "hello")
		stop()
	})
	stack := bulwark.Must(bulwark.Chain())
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	go func() {
		res, err := http.Get("http://" + ln.Addr().String())
		if err != nil {
			stop()
			return
		}
		io.Copy(io.Discard, res.Body)
	}()
	err = transport.Serve(ctx, ln, transport.Server(stack.Wrap(hello)), stack)
	fmt.Println("stopped:", err)
	// Output:
	// stopped: <nil>
}

func ExampleRedirectHandler() {
	redirect, err := transport.RedirectHandler("api.example.com")
	if err != nil {
		fmt.Println(err)
		return
	}
	w := httptest.NewRecorder()
	redirect.ServeHTTP(w, httptest.NewRequest("GET", "http://api.example.com/documents?limit=5", nil))
	fmt.Println(w.Code, w.Header().Get("Location"))
	// Output:
	// 308 https://api.example.com/documents?limit=5
}
