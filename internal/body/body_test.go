package body_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/body"
	"github.com/bulwark-go/bulwark/internal/jsondoc"
)

func post(text string) *http.Request {
	r := httptest.NewRequest("POST", "/", strings.NewReader(text))
	r.Header.Set("Content-Type", "application/json")
	return r
}

// refused asserts that err is a problem with status and code, which does not
// repeat what was submitted.
func refused(t *testing.T, err error, status int, code string) *bulwark.Problem {
	t.Helper()
	var p *bulwark.Problem
	if !errors.As(err, &p) || p.Status != status || p.Code != code || p.Detail == "" || p.Title != "" {
		t.Fatalf("error is %+v, want %d %s", err, status, code)
	}
	if strings.Contains(p.Detail, "s3cret") {
		t.Errorf("the detail repeats the value: %s", p.Detail)
	}
	return p
}

func readAll(t *testing.T, r *http.Request) string {
	t.Helper()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestRead(t *testing.T) {
	text := `{"a":["x"]}`
	r := post(text)
	r.TransferEncoding, r.Trailer = []string{"chunked"}, http.Header{"X-T": nil}
	// Clients have a GetBody. It would yield the body as it was sent.
	r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("another")), nil }
	r.ContentLength = -1
	r.Header.Set("Transfer-Encoding", "chunked")
	got, b, err := body.Read(nil, r, body.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if body.From(got) != b || body.From(r) != nil {
		t.Error("From does not find the body where it belongs, and only there")
	}
	if v, ok := b.Value(); !ok || !reflect.DeepEqual(v, map[string]any{"a": []any{"x"}}) {
		t.Errorf("value is %v", v)
	}
	if b.Document().NumStrings() != 1 || b.MediaType() != "application/json" || b.Empty() {
		t.Errorf("document %v, media type %q", b.Document(), b.MediaType())
	}
	if got.ContentLength != int64(len(text)) || got.TransferEncoding != nil || got.Trailer != nil || got.GetBody != nil || got.Header["Transfer-Encoding"] != nil {
		t.Errorf("the request still says how the body came: %+v", got)
	}
	if readAll(t, got) != text || readAll(t, got) != "" {
		t.Error("the request does not yield the body once")
	}
}

func TestReadRefuses(t *testing.T) {
	broken := func(err error) *http.Request {
		r := httptest.NewRequest("POST", "/", iotest.ErrReader(err))
		r.Header.Set("Content-Type", "application/json")
		return r
	}
	declared := post(`{}`)
	declared.ContentLength = 1 << 40
	limited := post(`{"a":"s3cret"}`)
	limited.Body = http.MaxBytesReader(nil, limited.Body, 4)
	encoded := post(`{}`)
	encoded.Header["Content-Encoding"] = []string{"identity", "br"}
	coded := func(coding string) *http.Request {
		r := post(`{}`)
		r.Header["Content-Encoding"] = []string{coding}
		return r
	}
	text := post(`s3cret`)
	text.Header.Set("Content-Type", "text/plain")
	chunkedText := post(`s3cret`)
	chunkedText.Header.Set("Content-Type", "text/plain")
	chunkedText.ContentLength = -1
	tests := []struct {
		name   string
		r      *http.Request
		limits body.Limits
		status int
		code   string
	}{
		{"TooLarge", post(`"s3cret s3cret"`), body.Limits{Max: 10}, 413, "body.too_large"},
		{"DeclaredTooLarge", declared, body.Limits{}, 413, "body.too_large"},
		{"LimitedOutside", limited, body.Limits{}, 413, "body.too_large"},
		{"Encoding", encoded, body.Limits{}, 415, "body.unsupported_encoding"},
		{"EmptyEncoding", coded(""), body.Limits{}, 415, "body.unsupported_encoding"},
		{"BlankEncoding", coded(" "), body.Limits{}, 415, "body.unsupported_encoding"},
		{"EmptyEncodingInList", coded("identity,"), body.Limits{}, 415, "body.unsupported_encoding"},
		{"MediaType", text, body.Limits{}, 415, "body.unsupported_media_type"},
		{"MediaTypeTooLarge", text, body.Limits{Max: 1}, 415, "body.unsupported_media_type"},
		{"MediaTypeChunked", chunkedText, body.Limits{}, 415, "body.unsupported_media_type"},
		{"Syntax", post(`{"a":s3cret}`), body.Limits{}, 400, "body.malformed"},
		{"Depth", post(`[[[]]]`), body.Limits{JSON: jsondoc.Limits{Depth: 2}}, 400, "body.too_complex"},
		{"Cut", broken(io.ErrUnexpectedEOF), body.Limits{}, 400, "body.incomplete"},
		{"Deadline", broken(os.ErrDeadlineExceeded), body.Limits{}, 408, "body.timeout"},
		{"Canceled", broken(context.Canceled), body.Limits{}, 400, "body.incomplete"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r, b, err := body.Read(httptest.NewRecorder(), test.r, test.limits)
			refused(t, err, test.status, test.code)
			if b != nil || r != test.r {
				t.Error("something was returned beside the refusal")
			}
		})
	}
}

func TestEmptyBody(t *testing.T) {
	empty := post("")
	empty.Body = io.NopCloser(strings.NewReader(""))
	empty.ContentLength = -1
	empty.Header.Set("Content-Type", "text/plain")
	none := httptest.NewRequest("GET", "/", nil)
	none.Body = nil
	for name, r := range map[string]*http.Request{"Chunked": empty, "None": none, "NoBody": httptest.NewRequest("GET", "/", nil)} {
		t.Run(name, func(t *testing.T) {
			r, b, err := body.Read(nil, r, body.Limits{})
			if err != nil || !b.Empty() || b.Document() != nil || b.MediaType() != "" || readAll(t, r) != "" {
				t.Errorf("%+v, %v", b, err)
			}
			again, _, err := body.Read(nil, r, body.Limits{Max: 1, MediaTypes: []string{"text/html"}})
			if err != nil || readAll(t, again) != "" {
				t.Error(err)
			}
		})
	}
	refused(t, body.Required(), 400, "body.required")
}

// A body that has been read is held against the limits of the next reader too,
// whose request yields it from the start.
func TestReadAgain(t *testing.T) {
	text := `{"a":{"b":"x"}}`
	read := func(t *testing.T) (*http.Request, *body.Body) {
		r, b, err := body.Read(nil, post(text), body.Limits{MediaTypes: []string{"application/json", "application/merge-patch+json"}})
		if err != nil {
			t.Fatal(err)
		}
		return r, b
	}
	t.Run("FromTheStart", func(t *testing.T) {
		r, b := read(t)
		readAll(t, r)
		again, c, err := body.Read(nil, r, body.Limits{})
		if err != nil || !c.Same(b) || c == b {
			t.Fatal(c, b, err)
		}
		if readAll(t, again) != text {
			t.Error("the second reader does not see the body")
		}
	})
	t.Run("Closed", func(t *testing.T) {
		r, _ := read(t)
		r.Body.Close()
		if _, err := r.Body.Read(make([]byte, 1)); err == nil {
			t.Error("read after Close")
		}
		if _, err := io.Copy(io.Discard, r.Body); err == nil {
			t.Error("copied after Close")
		}
		again, _, err := body.Read(nil, r, body.Limits{})
		if err != nil || readAll(t, again) != text {
			t.Error(err)
		}
	})
	t.Run("Untouched", func(t *testing.T) {
		r, b := read(t)
		again, c, err := body.Read(nil, r, body.Limits{})
		if again != r || c != b || err != nil {
			t.Error("a request that nobody has read from was copied", err)
		}
	})
	t.Run("SmallerMax", func(t *testing.T) {
		r, _ := read(t)
		_, _, err := body.Read(nil, r, body.Limits{Max: 4})
		refused(t, err, 413, "body.too_large")
	})
	t.Run("OtherMediaTypes", func(t *testing.T) {
		r, _ := read(t)
		_, _, err := body.Read(nil, r, body.Limits{MediaTypes: []string{"application/merge-patch+json"}})
		p := refused(t, err, 415, "body.unsupported_media_type")
		if p.Header.Get("Accept") != "application/merge-patch+json" {
			t.Errorf("header is %v", p.Header)
		}
	})
	t.Run("StricterJSON", func(t *testing.T) {
		r, _ := read(t)
		_, _, err := body.Read(nil, r, body.Limits{JSON: jsondoc.Limits{Depth: 1}})
		refused(t, err, 400, "body.too_complex")
		_, _, err = body.Read(nil, r, body.Limits{JSON: jsondoc.Limits{Depth: 2}})
		if err != nil {
			t.Error(err)
		}
	})
	t.Run("AnotherBodyInItsPlace", func(t *testing.T) {
		r, _ := read(t)
		r.Body = io.NopCloser(strings.NewReader(`[1]`))
		if body.From(r) != nil {
			t.Error("a value was found that belongs to another body")
		}
		_, b, err := body.Read(nil, r, body.Limits{})
		if v, _ := b.Value(); err != nil || len(v.([]any)) != 1 {
			t.Error(v, err)
		}
	})
}

func TestReplace(t *testing.T) {
	r := post(`{"a":"<b>x</b>"}`)
	r.Header.Set("Content-Length", "16")
	r.Header.Set("Content-Digest", "x")
	r.Header.Set("X-Kept", "1")
	r.Form = map[string][]string{}
	r, b, err := body.Read(nil, r, body.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	src, doc := b.Document().Patch(map[int]string{0: "longer than before"})
	changed, c := body.Replace(r, doc, src)
	want := `{"a":"longer than before"}`
	if readAll(t, changed) != want || string(c.Bytes()) != want || c.Document() != doc || c.Same(b) || body.From(changed) != c {
		t.Errorf("body is %s", c.Bytes())
	}
	if changed.ContentLength != int64(len(want)) || !reflect.DeepEqual(changed.Header, http.Header{"Content-Type": {"application/json"}, "Content-Length": {"26"}, "X-Kept": {"1"}}) || changed.Form != nil {
		t.Errorf("request is %d %v %v", changed.ContentLength, changed.Header, changed.Form)
	}
	if readAll(t, r) != `{"a":"<b>x</b>"}` || r.Header.Get("Content-Digest") != "x" {
		t.Error("the outer request was modified")
	}
	_, d, err := body.Read(nil, changed, body.Limits{Max: int64(len(want))})
	if v, _ := d.Value(); err != nil || !reflect.DeepEqual(v, map[string]any{"a": "longer than before"}) {
		t.Errorf("a later reader sees %v, %v", v, err)
	}
	// A value that a layer has made has a document too, with the places of its
	// strings.
	made, e, err := body.ReplaceValue(changed, map[string]any{"b": []any{"x", "y"}})
	if err != nil || string(e.Bytes()) != `{"b":["x","y"]}` || readAll(t, made) != `{"b":["x","y"]}` {
		t.Fatalf("%s, %v", e.Bytes(), err)
	}
	if got := e.Document(); got.NumStrings() != 2 || got.Pointer(1) != "/b/1" || e.Document() != got {
		t.Errorf("document is %+v", got)
	}
}

// A value is refused if the readers of its bytes would not get the same value.
// So there is always a document, for any limits.
func TestReplaceValue(t *testing.T) {
	deep := any("x")
	for range 9_999 {
		deep = []any{deep}
	}
	for name, v := range map[string]any{
		"Deep": deep, "LongName": map[string]any{strings.Repeat("n", 5_000): "x"},
		"LongNumber": []any{json.Number(strings.Repeat("1", 200)), "x"}, "Empty": map[string]any{"": "x"},
	} {
		t.Run(name, func(t *testing.T) {
			r, _, err := body.ReplaceValue(post(`{}`), v)
			if err != nil {
				t.Fatal(err)
			}
			r, b, err := body.Read(nil, r, body.Limits{JSON: jsondoc.Limits{Depth: 10_000, Name: 10_000, Number: 1_000}})
			if err != nil || b.Document() == nil || b.Document().NumStrings() != 1 || body.From(r) != b {
				t.Errorf("document is %v, %v", b, err)
			}
		})
	}
	for name, v := range map[string]any{
		"TwoSpellings": map[string]any{"role": "user", "ROLE": "admin"}, "HugeNumber": json.Number("1e400"),
		"NotUTF8": "\xff", "OtherType": struct{}{}, "Deeper": []any{deep, deep, []any{deep}},
	} {
		t.Run("Refuses"+name, func(t *testing.T) {
			r := post(`{}`)
			if got, b, err := body.ReplaceValue(r, v); err == nil || b != nil || got != r {
				t.Errorf("ReplaceValue = %v, %v", b, err)
			}
		})
	}
}

func TestReplaceBytes(t *testing.T) {
	r := httptest.NewRequest("POST", "/", strings.NewReader("a=1"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r, b, err := body.Read(nil, r, body.Limits{MediaTypes: []string{"application/x-www-form-urlencoded"}})
	if err != nil || b.Document() != nil || string(b.Bytes()) != "a=1" {
		t.Fatal(b, err)
	}
	if _, ok := b.Value(); ok {
		t.Error("a form was decoded")
	}
	r, b = body.ReplaceBytes(r, []byte("a=22"))
	if r.ContentLength != 4 || b.MediaType() != "application/x-www-form-urlencoded" || r.FormValue("a") != "22" {
		t.Errorf("%d %q", r.ContentLength, b.MediaType())
	}
	// Of a body that nobody has read the header tells the type.
	_, b = body.ReplaceBytes(post("1"), []byte("2"))
	if b.MediaType() != "application/json" {
		t.Errorf("media type is %q", b.MediaType())
	}
}

func TestWriteTo(t *testing.T) {
	r, b, err := body.Read(nil, post(`"abc"`), body.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	io.ReadFull(r.Body, make([]byte, 2))
	var out bytes.Buffer
	for range 2 {
		if n, err := b.WriteTo(&out); err != nil || int(n) > out.Len() {
			t.Error(n, err)
		}
	}
	if out.String() != `bc"` {
		t.Errorf("copied %q", out.String())
	}
}

// Memory follows what arrives, not what is announced.
func TestAnnouncedLengthAllocatesLittle(t *testing.T) {
	var capacity int
	r := post("")
	r.ContentLength = 900 << 10
	r.Body = io.NopCloser(readerFunc(func(p []byte) (int, error) {
		capacity = len(p)
		return 0, io.ErrUnexpectedEOF
	}))
	_, _, err := body.Read(nil, r, body.Limits{})
	refused(t, err, 400, "body.incomplete")
	if capacity > 128<<10 {
		t.Errorf("%d bytes were set aside for a body that never came", capacity)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// deadlines is a ResponseWriter that notes read deadlines.
type deadlines struct {
	http.ResponseWriter
	set []time.Time
}

func (d *deadlines) SetReadDeadline(at time.Time) error {
	d.set = append(d.set, at)
	return nil
}

func TestDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		serverWith := func(timeout time.Duration) *http.Request {
			return post(`1`).WithContext(context.WithValue(context.Background(), http.ServerContextKey, &http.Server{ReadTimeout: timeout}))
		}
		at := func(d time.Duration) time.Time { return time.Now().Add(d) }
		tests := []struct {
			name   string
			r      *http.Request
			limits body.Limits
			want   []time.Time
			fails  bool
		}{
			{"Default", post(`1`), body.Limits{}, []time.Time{at(30 * time.Second), {}}, false},
			{"Chosen", post(`1`), body.Limits{Timeout: time.Second}, []time.Time{at(time.Second), {}}, false},
			{"ServerIsStricter", serverWith(time.Second), body.Limits{}, nil, false},
			{"ServerIsLaxer", serverWith(time.Hour), body.Limits{}, []time.Time{at(30 * time.Second), {}}, false},
			{"StaysAfterFailure", post(`12345`), body.Limits{Max: 4, Timeout: time.Second}, nil, true},
			{"NothingToRead", httptest.NewRequest("GET", "/", nil), body.Limits{}, nil, false},
		}
		tests[4].r.ContentLength = -1
		tests[4].want = []time.Time{at(time.Second)}
		for _, test := range tests {
			w := &deadlines{ResponseWriter: httptest.NewRecorder()}
			_, _, err := body.Read(w, test.r, test.limits)
			if (err != nil) != test.fails || !reflect.DeepEqual(w.set, test.want) {
				t.Errorf("%s: deadlines %v, %v; want %v", test.name, w.set, err, test.want)
			}
		}
	})
}

// A client that never finishes its body is answered 408 by a real server, and
// the connection closed.
func TestSlowBody(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, _, err := body.Read(w, r, body.Limits{Timeout: 50 * time.Millisecond}); err != nil {
			bulwark.Deny(w, r, err)
		}
	}))
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
	answer, err := io.ReadAll(conn) // to the end: the server closes
	if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 408 ") || !strings.Contains(string(answer), `"body.timeout"`) {
		t.Errorf("%s, %v", answer, err)
	}
}

func FuzzMediaType(f *testing.F) {
	for _, s := range []string{"", "application/json", "application/json; charset=utf-8", "application/json;charset=\"UTF-8\"", "application/json; charset=utf-16", "a/b; charset", "application/json, text/html"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := body.MediaType(http.Header{"Content-Type": {s}})
		if !ok && got != "" || ok && (got == "" || got != strings.ToLower(got) || strings.ContainsAny(got, "; ,")) {
			t.Errorf("%q became %q, %v", s, got, ok)
		}
	})
}

// capped is a body under a server's cap, as that of package transport.
type capped struct {
	io.ReadCloser
	limit int64
}

func (c *capped) Limit(n int64) bool {
	c.limit = n
	return true
}

func TestReadChoosesTheServersCap(t *testing.T) {
	r := post(`{}`)
	server := &capped{ReadCloser: r.Body, limit: 1}
	r.Body = server
	if _, _, err := body.Read(nil, r, body.Limits{Max: 5 << 20}); err != nil {
		t.Fatal(err)
	}
	if server.limit != 5<<20 {
		t.Errorf("the cap is %d, want the limit of who reads", server.limit)
	}
}

// A raw body is bounded and typed as another, and not decoded.
func TestReadRaw(t *testing.T) {
	raw := body.Limits{Raw: true}
	_, b, err := body.Read(nil, post(`{"a":`), raw)
	if err != nil {
		t.Fatal(err)
	}
	if _, decoded := b.Value(); decoded || b.Document() != nil || string(b.Bytes()) != `{"a":` || b.MediaType() != "application/json" {
		t.Errorf("body is %q of %s, decoded %t", b.Bytes(), b.MediaType(), decoded)
	}
	_, _, err = body.Read(nil, post(`{"a":1}`), body.Limits{Raw: true, Max: 3})
	refused(t, err, 413, "body.too_large")
	// What an outer layer has decoded under other limits is as good.
	r, _, err := body.Read(nil, post(`{"a":{"b":1}}`), body.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if _, b, err := body.Read(nil, r, body.Limits{Raw: true, JSON: jsondoc.Limits{Depth: 1}}); err != nil || string(b.Bytes()) != `{"a":{"b":1}}` {
		t.Errorf("a body that was read is %v, %v", b, err)
	}
}
