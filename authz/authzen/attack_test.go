package authzen_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// An attack is what a decision point answers in place of a sound answer.
type attack struct {
	name    string
	handler http.HandlerFunc
	want    string // in the error
	hangs   bool   // so that only the deadline ends it
}

// attacks are answers of a decision point that has failed, or of somebody else
// in its place. None of them is the explicit true of a sound answer, and many
// have a true in a place where another reader might find it.
func attacks(elsewhere string) []attack {
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(code)
			if code != http.StatusNoContent {
				io.WriteString(w, `{"decision":true,"note":"`+marker+`"}`)
			}
		}
	}
	redirect := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere, code) }
	}
	typed := func(media ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header()["Content-Type"] = media
			io.WriteString(w, allow)
		}
	}
	all := []attack{
		{"redirect-301", redirect(301), "the answer is 301, and a redirect is not followed", false},
		{"redirect-302", redirect(302), "the answer is 302, and a redirect is not followed", false},
		{"redirect-307", redirect(307), "the answer is 307, and a redirect is not followed", false},
		{"redirect-308", redirect(308), "the answer is 308, and a redirect is not followed", false},
		{"status-201", status(201), "the answer is 201 in place of 200", false},
		{"status-204", status(204), "the answer is 204 in place of 200", false},
		{"status-206", status(206), "the answer is 206 in place of 200", false},
		{"status-400", status(400), "the answer is 400: the decision point does not take the question", false},
		{"status-401", status(401), "the answer is 401: the decision point does not accept the credentials of this service", false},
		{"status-403", status(403), "the answer is 403", false},
		{"status-404", status(404), "the answer is 404: there is no such endpoint", false},
		{"status-429", status(429), "the answer is 429", false},
		{"status-500", status(500), "the answer is 500: the decision point has failed", false},
		{"status-503", status(503), "the answer is 503: the decision point has failed", false},
		{"type-missing", typed(), "not application/json", false},
		{"type-html", typed("text/html"), "not application/json", false},
		{"type-text", typed("text/plain; charset=utf-8"), "not application/json", false},
		{"type-problem", typed("application/problem+json"), "not application/json", false},
		{"type-longer", typed("application/jsonp"), "not application/json", false},
		{"type-two", typed("application/json", "text/html"), "not application/json", false},
		{"compressed", compressed, "the answer is compressed", false},
		{"ten-megabytes", tenMegabytes, "longer than authzen.Config.MaxAnswerBytes, which is 65536", false},
		{"hang", hang, "no answer in time", true},
		{"hang-in-the-body", drip, "no answer in time", true},
		{"reset", reset, "", false},
		{"short-body", shortBody, "the connection was closed before the end of the answer", false},
		{"not-http", raw("true\r\n\r\n" + marker), "the answer is not HTTP that can be read", false},
		{"endless-header", raw("HTTP/1.1 200 OK\r\nX: " + strings.Repeat(marker, 10_000)), "the answer is not HTTP that can be read", false},
		{"closed-at-once", raw(""), "the connection was closed before the end of the answer", false},
		{"another-protocol", anotherProtocol, "the answer is 101 in place of 200", false},
		{"early-hints-without-end", raw(strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: </"+marker+">\r\n\r\n", 10_000)), "the answer is not HTTP that can be read", false},
		{"two-lengths", raw("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 17\r\nContent-Length: 18\r\n\r\n" + allow), "the answer is not HTTP that can be read", false},
		{"chunk-without-end", raw("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n11\r\n" + allow + "\r\n"), "the connection was closed before the end of the answer", false},
		{"type-two-in-one", typed("application/json, text/html"), "not application/json", false},
		{"compressed-at-the-second-look", compressedTwice, "not JSON that all programs read alike", false},
	}
	for _, b := range bodies {
		all = append(all, attack{"body-" + b.name, says(b.body), b.want, false})
	}
	return all
}

// bodies are the bodies of answers that are 200 and application/json.
var bodies = []struct{ name, body, want string }{
	{"empty", ``, "not JSON that all programs read alike"},
	{"garbage", "\x00\xff" + marker, "not JSON that all programs read alike"},
	{"html", "<html>" + marker + "</html>", "not JSON that all programs read alike"},
	{"cut", `{"decision":true`, "not JSON that all programs read alike"},
	{"byte-order-mark", "\ufeff" + allow, "not JSON that all programs read alike"},
	{"comment", `{"decision":true /* ` + marker + ` */}`, "not JSON that all programs read alike"},
	{"trailing-comma", `{"decision":true,}`, "not JSON that all programs read alike"},
	{"python-true", `{"decision":True}`, "not JSON that all programs read alike"},
	{"two-documents", `{"decision":true}{"decision":false}`, "not JSON that all programs read alike"},
	{"two-lines", "{\"decision\":true}\n{\"decision\":true}", "not JSON that all programs read alike"},
	{"twice", `{"decision":false,"decision":true}`, "not JSON that all programs read alike"},
	{"twice-true-first", `{"decision":true,"decision":false}`, "not JSON that all programs read alike"},
	{"twice-by-case", `{"decision":true,"Decision":false}`, "not JSON that all programs read alike"},
	{"twice-escaped", `{"decision":true,"\u0064ecision":false}`, "not JSON that all programs read alike"},
	{"twice-in-context", `{"decision":true,"context":{"error":null,"error":"` + marker + `"}}`, "not JSON that all programs read alike"},
	{"deep", `{"decision":true,"context":{"a":` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + `}}`, "not JSON that all programs read alike"},
	{"wide", `{"decision":true,"context":{"a":[` + strings.Repeat("1,", 5000) + `1]}}`, "not JSON that all programs read alike"},
	{"half-a-character", `{"decision":true,"context":{"a":"\ud800"}}`, "not JSON that all programs read alike"},
	{"zero-byte-behind", "{\"decision\":true}\x00", "not JSON that all programs read alike"},
	{"not-utf8", "{\"decision\":true,\"context\":{\"a\":\"\xff\"}}", "not JSON that all programs read alike"},
	{"utf16", "{\x00\"\x00d\x00", "not JSON that all programs read alike"},
	{"array", `[{"decision":true}]`, "not a JSON object"},
	{"bare-true", `true`, "not a JSON object"},
	{"bare-text", `"true"`, "not a JSON object"},
	{"bare-null", `null`, "not a JSON object"},
	{"missing", `{}`, `no member "decision"`},
	{"capital", `{"Decision":true}`, `no member "decision"`},
	{"kelvin-like", `{"deciſion":true}`, `no member "decision"`},
	{"space", `{"decision ":true}`, `no member "decision"`},
	{"opa", `{"result":true}`, `no member "decision"`},
	{"in-the-context", `{"context":{"decision":true}}`, `no member "decision"`},
	{"in-evaluations", `{"evaluations":[{"decision":true}]}`, `no member "decision"`},
	{"text-true", `{"decision":"true"}`, "neither true nor false"},
	{"one", `{"decision":1}`, "neither true nor false"},
	{"null", `{"decision":null}`, "neither true nor false"},
	{"list", `{"decision":[true]}`, "neither true nor false"},
	{"object", `{"decision":{"decision":true}}`, "neither true nor false"},
	{"allow", `{"decision":"allow"}`, "neither true nor false"},
	{"context-text", `{"decision":true,"context":"` + marker + `"}`, `"context" of the answer is not an object`},
	{"context-list", `{"decision":true,"context":[]}`, `"context" of the answer is not an object`},
	{"error", `{"decision":true,"context":{"error":{"status":404,"message":"not found"}}}`, "could not decide, look at its log: error 404 not found"},
	{"error-false", `{"decision":true,"context":{"error":false}}`, "could not decide"},
}

func compressed(w http.ResponseWriter, _ *http.Request) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	io.WriteString(z, allow)
	z.Close()
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Encoding", "gzip")
	w.Write(b.Bytes())
}

// compressedTwice names two codings, of which the first one is none.
func compressedTwice(w http.ResponseWriter, r *http.Request) {
	w.Header().Add("Content-Encoding", "identity")
	w.Header().Add("Content-Encoding", "gzip")
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	io.WriteString(z, allow)
	z.Close()
	w.Header().Set("Content-Type", "application/json")
	w.Write(b.Bytes())
}

// tenMegabytes is a sound answer with a lot of white space before it.
func tenMegabytes(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	space := bytes.Repeat([]byte(" "), 1<<10)
	for range 10 << 10 {
		if _, err := w.Write(space); err != nil {
			return
		}
	}
	io.WriteString(w, allow)
}

// hang answers never. It reads the question first: a server sees that its
// client has gone only after that.
func hang(_ http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

// drip sends an answer up to its last byte.
func drip(w http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body)
	w.Header().Set("Content-Type", "application/json")
	for _, c := range []byte(strings.TrimSuffix(allow, "}")) {
		w.Write([]byte{c})
		w.(http.Flusher).Flush()
	}
	<-r.Context().Done()
}

// reset breaks the connection in the middle of the body.
func reset(w http.ResponseWriter, _ *http.Request) {
	hijack(w, func(conn net.Conn) {
		io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n"+allow)
		conn.(*net.TCPConn).SetLinger(0)
	})
}

// shortBody closes the connection in the middle of the body. What came is
// already a whole JSON text.
func shortBody(w http.ResponseWriter, _ *http.Request) {
	hijack(w, func(conn net.Conn) {
		io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n"+allow)
	})
}

// anotherProtocol takes the connection out of HTTP and then says nothing. The
// deadline of the question does not end such a connection.
func anotherProtocol(w http.ResponseWriter, _ *http.Request) {
	hijack(w, func(conn net.Conn) {
		io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "+marker+"\r\n\r\n")
		io.Copy(io.Discard, conn) // until the other side closes it
	})
}

// raw answers with these bytes.
func raw(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		hijack(w, func(conn net.Conn) { io.WriteString(conn, text) })
	}
}

func hijack(w http.ResponseWriter, f func(net.Conn)) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(fmt.Sprintf("hijack: %v", err))
	}
	f(conn)
	conn.Close()
}

// brief is a Timeout for what hangs: the test waits for it.
const brief = 50 * time.Millisecond
