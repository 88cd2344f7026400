package e2e

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/gin-gonic/gin"
	"github.com/labstack/echo/v4"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/bulwarktest"
	"github.com/bulwark-go/bulwark/headers"
)

// acceptSocket writes the header of the handshake, and hijacks afterwards.
func acceptSocket(w http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	conn.Write(r.Context(), websocket.MessageText, []byte("hello"))
	conn.Close(websocket.StatusNormalClosure, "")
}

// upgradeByHand hijacks first, and writes the whole handshake to the
// connection, as gorilla/websocket does.
func upgradeByHand(w http.ResponseWriter, r *http.Request) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer conn.Close()
	fmt.Fprint(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: shout\r\n\r\nHELLO\n")
}

// A handshake passes the adapters, with as many layers as there are, whether
// the 101 is written before the connection is taken or to the connection.
func TestUpgradesPassTheAdapters(t *testing.T) {
	layer := func() bulwark.Layer {
		return bulwark.Must(bulwark.Chain(new(bulwarktest.Recorder), headers.Config{}))
	}
	underGin := func(use ...gin.HandlerFunc) http.Handler {
		router := newGin(use...)
		router.GET("/socket", func(g *gin.Context) { acceptSocket(g.Writer, g.Request) })
		router.GET("/shout", func(g *gin.Context) { upgradeByHand(g.Writer, g.Request) })
		return router
	}
	underEcho := func(use ...echo.MiddlewareFunc) http.Handler {
		router := echo.New()
		router.Use(use...)
		router.GET("/socket", func(e echo.Context) error { acceptSocket(e.Response(), e.Request()); return nil })
		router.GET("/shout", func(e echo.Context) error { upgradeByHand(e.Response(), e.Request()); return nil })
		return router
	}
	for name, h := range map[string]http.Handler{
		"gin-around":      layer().Wrap(underGin()),
		"gin-route":       underGin(ginRoute),
		"gin-one-layer":   underGin(ginLayer(layer())),
		"gin-two-layers":  layer().Wrap(underGin(ginRoute, ginLayer(layer()))),
		"echo-around":     layer().Wrap(underEcho()),
		"echo-two-layers": layer().Wrap(underEcho(echoRoute, echoLayer(layer()))),
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(h)
			defer server.Close()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // of a test that fails
			defer cancel()
			conn, _, err := websocket.Dial(ctx, server.URL+"/socket", nil)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.CloseNow()
			if _, text, err := conn.Read(ctx); string(text) != "hello" {
				t.Errorf("the socket says %q, %v", text, err)
			}

			plain, err := net.Dial("tcp", server.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer plain.Close()
			fmt.Fprint(plain, "GET /shout HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: shout\r\n\r\n")
			lines := bufio.NewReader(plain)
			answer, err := http.ReadResponse(lines, nil)
			if err != nil || answer.StatusCode != http.StatusSwitchingProtocols || answer.Header.Get("Upgrade") != "shout" {
				t.Fatalf("%+v, %v", answer, err)
			}
			if line, err := lines.ReadString('\n'); line != "HELLO\n" {
				t.Errorf("after the handshake: %q, %v", line, err)
			}
		})
	}
}
