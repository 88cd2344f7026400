package auth_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
)

// ticket is an authenticator of an application: its sessions can be ended.
type ticket struct {
	mu    sync.Mutex
	ended map[string]bool
}

func (t *ticket) Detect(r *http.Request) auth.Presence {
	if _, ok := auth.Credentials(r, "Ticket"); ok {
		return auth.Explicit
	}
	return auth.None
}

func (t *ticket) Challenges() []bulwark.Challenge { return []bulwark.Challenge{{Scheme: "Ticket"}} }

func (t *ticket) Authenticate(r *http.Request) (*bulwark.Principal, error) {
	id, _ := auth.Credentials(r, "Ticket")
	if err := t.check(id); err != nil {
		return nil, err
	}
	return &bulwark.Principal{Issuer: "tickets", Subject: "alice", SessionID: id}, nil
}

// Review makes a ticket an [auth.Reviewer].
func (t *ticket) Review(p *bulwark.Principal) (string, func(context.Context) error) {
	return p.SessionID, func(context.Context) error { return t.check(p.SessionID) }
}

func (t *ticket) check(id string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended[id] {
		return auth.Invalid("revoked", errors.New("the user has logged out"))
	}
	return nil
}

func (t *ticket) end(id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended[id] = true
}

// A stream ends after its session, although nobody sends another request.
func ExampleReviewer() {
	sessions := &ticket{ended: map[string]bool{}}
	layer, err := auth.New(auth.Config{
		Authenticators: []auth.Authenticator{sessions},
		ReviewEvery:    time.Second, // 30 seconds if it is not set
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	server := httptest.NewServer(layer.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "data: welcome\n\n")
		http.NewResponseController(w).Flush()
		<-r.Context().Done() // a real stream also waits for its events
	})))
	defer server.Close()

	r, _ := http.NewRequest(http.MethodGet, server.URL, nil)
	r.Header.Set("Authorization", "Ticket 7")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	stream := bufio.NewReader(resp.Body)
	line, _ := stream.ReadString('\n')
	fmt.Print(line)

	sessions.end("7") // the user logs out elsewhere
	_, err = io.Copy(io.Discard, stream)
	fmt.Println("the stream was cut off:", err != nil)

	// Output:
	// data: welcome
	// the stream was cut off: true
}

// A page opens a WebSocket with its token:
//
//	new WebSocket("wss://api.example.com/socket", ["bearer", token])
func ExampleTokenFrom() {
	layer, err := auth.New(auth.Config{
		Authenticators: []auth.Authenticator{tokens()}, // such as a *jwt.Verifier
		TokenFrom:      auth.TokenFrom{WebSocket: true},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	server := httptest.NewServer(layer.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		caller, _ := bulwark.PrincipalFrom(r.Context())
		fmt.Println("the service sees", caller.Subject, "and the protocols", r.Header["Sec-Websocket-Protocol"])
		// A WebSocket library does the rest. It is told that the service speaks
		// "bearer", and chooses it.
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Upgrade", "websocket")
		w.WriteHeader(http.StatusSwitchingProtocols)
	})))
	defer server.Close()

	r, _ := http.NewRequest(http.MethodGet, server.URL+"/socket", nil)
	for name, value := range map[string]string{
		"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
		"Sec-WebSocket-Protocol": strings.Join([]string{"bearer", "good"}, ", "),
	} {
		r.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	fmt.Println(resp.StatusCode, "with the protocol", resp.Header.Get("Sec-WebSocket-Protocol"))

	// Output:
	// the service sees token and the protocols [bearer]
	// 101 with the protocol bearer
}
