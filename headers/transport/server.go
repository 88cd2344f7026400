package transport

import (
	"net/http"
	"time"
)

// Server returns a server for h in which everything is bounded:
//
//	ReadHeaderTimeout    5 s
//	ReadTimeout         30 s   the whole request
//	WriteTimeout        60 s   from the header to the end of the answer
//	IdleTimeout        120 s   between requests
//	MaxHeaderBytes      32 KiB
//	body                 1 MiB, for routes without MaxBodyBytes
//
// The bounds apply with and without TLS. For TLS, set the TLSConfig to [TLS]
// with a certificate: Server leaves it nil. Fields may be changed before the
// server is used.
//
// The ErrorLog writes records to [log/slog.Default]: at most ten of a kind each
// minute, and then one record with the count of the others. So a client that
// fails a thousand handshakes does not fill a disk. A [log/slog.Handler] that
// hangs does not hold connections. [Serve] writes the last count when it stops.
//
// A request "OPTIONS *" goes to h, as every other request does.
//
// An answer that takes longer than WriteTimeout is cut off, and the client sees
// an unexpected end. A handler that streams moves the write deadline before
// each write:
//
//	control := http.NewResponseController(w)
//	control.SetWriteDeadline(time.Now().Add(30 * time.Second))
//
// Over HTTP/2 the write deadline ends the stream even while nothing is written.
// So set it later than the next write.
//
// A handler that takes a long upload moves both deadlines before it reads the
// body, because WriteTimeout also counts from the header of the request:
//
//	control.SetReadDeadline(time.Now().Add(10 * time.Minute))
//	control.SetWriteDeadline(time.Now().Add(11 * time.Minute))
func Server(h http.Handler) *http.Server {
	if h == nil {
		h = http.DefaultServeMux // as net/http does
	}
	return &http.Server{
		Handler:           capped(h, defaultBody, false),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      60 * time.Second,
		IdleTimeout:       120 * time.Second,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          newErrorLog(),
		// Otherwise net/http answers "OPTIONS *" itself, past every layer.
		DisableGeneralOptionsHandler: true,
	}
}
