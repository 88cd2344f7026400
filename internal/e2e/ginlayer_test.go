package e2e

import (
	"bufio"
	"net"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/bulwark-go/bulwark"
)

// ginLayer makes a gin handler from a layer, or from a Stack of several layers.
func ginLayer(layer bulwark.Layer) gin.HandlerFunc {
	return func(g *gin.Context) {
		outerWriter, outerRequest := g.Writer, g.Request
		defer func() { g.Writer, g.Request = outerWriter, outerRequest }()
		passed := false
		layer.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			passed = true
			g.Request, g.Writer = r, &ginWriter{ResponseWriter: outerWriter, layer: w, status: outerWriter.Status()}
			g.Next()
			g.Writer.WriteHeaderNow() // the layer must see the status before it returns
		})).ServeHTTP(outerWriter, outerRequest)
		if !passed {
			g.Abort()
		}
	}
}

// A ginWriter is the gin.ResponseWriter of the handlers inside a layer. It writes
// to the layer. As gin wants it, it keeps the status until the header is written.
type ginWriter struct {
	gin.ResponseWriter // outside the layer
	layer              http.ResponseWriter
	status             int
	size               int
	written            bool
}

func (w *ginWriter) Header() http.Header { return w.layer.Header() }
func (w *ginWriter) Written() bool       { return w.written }
func (w *ginWriter) Status() int         { return w.status }

func (w *ginWriter) Size() int {
	if !w.written {
		return -1 // as in gin
	}
	return w.size
}

func (w *ginWriter) WriteHeader(status int) {
	if !w.written && status > 0 {
		w.status = status
	}
}

func (w *ginWriter) WriteHeaderNow() {
	if !w.written {
		w.written = true
		w.layer.WriteHeader(w.status)
	}
}

func (w *ginWriter) Write(b []byte) (int, error) {
	w.WriteHeaderNow()
	n, err := w.layer.Write(b)
	w.size += n
	return n, err
}

func (w *ginWriter) WriteString(s string) (int, error) { return w.Write([]byte(s)) }

func (w *ginWriter) Flush() {
	w.WriteHeaderNow()
	http.NewResponseController(w.layer).Flush()
}

func (w *ginWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if w.written {
		w.ResponseWriter.WriteHeaderNow() // gin has only kept the 101 so far
	}
	w.written = true
	return http.NewResponseController(w.layer).Hijack()
}

func (w *ginWriter) Unwrap() http.ResponseWriter { return w.layer }
