package sanitize_test

import (
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/bulwarktest"
	"github.com/bulwark-go/bulwark/sanitize"
)

// A title is plain text, a content is HTML. The handler reads the clean body.
func Example() {
	clean := bulwark.Must(sanitize.New(sanitize.Config{
		Fields: sanitize.Fields{"/title": sanitize.Text, "/content": sanitize.UGC, "/tags/*": sanitize.Text},
	}))
	create := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(w, r.Body)
	})
	mux := http.NewServeMux()
	mux.Handle("POST /documents", clean.Wrap(create))

	r := httptest.NewRequest("POST", "/documents", strings.NewReader(
		`{ "id": 1.50, "title": "Tom & <b>Jerry</b>", "content": "<p onclick='x()'>Hi</p>", "tags": ["a<b", "<i>c</i>"] }`))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	fmt.Println(w.Body)
	// Output:
	// { "id": 1.50, "title": "Tom & Jerry", "content": "<p>Hi</p>", "tags": ["a<b", "c"] }
}

func ExampleString() {
	fmt.Println(sanitize.String(sanitize.Text, "List<String> & <b>1 < 2</b>"))
	fmt.Println(sanitize.String(sanitize.Strict, "List<String> & <b>1 < 2</b>"))
	fmt.Println(sanitize.String(sanitize.UGC, `<a href="/x" onclick="y()">1 < 2</a>`))
	fmt.Printf("%q\n", sanitize.String(sanitize.Reject, "<b>no name</b>"))
	// Output:
	// List<String> & 1 < 2
	// List &amp; 1 &lt; 2
	// <a href="/x" rel="nofollow noreferrer noopener">1 &lt; 2</a>
	// ""
}

// Do not unescape the result of an HTML sanitizer to get plain text. Unescaping
// brings back the escaped tags. Use Text.
func ExampleString_incorrect() {
	in := "&lt;script&gt;alert(1)&lt;/script&gt;"
	fmt.Println("wrong:", html.UnescapeString(sanitize.String(sanitize.Strict, in)))
	fmt.Println("right:", sanitize.String(sanitize.Text, in))
	// Output:
	// wrong: <script>alert(1)</script>
	// right: &lt; script&gt;alert(1)&lt; /script&gt;
}

func ExampleCustom() {
	shout := sanitize.Custom(strings.ToUpper)
	fmt.Println(sanitize.String(shout, "hello\x00"))
	// Output:
	// HELLO
}

// A Config that names no string where the layer looks does not protect anything.
// Each error says what to write.
func ExampleNew_incorrect() {
	_, err := sanitize.New(sanitize.Config{
		Fields: sanitize.Fields{"title": sanitize.Text, "/items*/note": sanitize.Text},
		Query:  sanitize.Fields{"/q": sanitize.Text, "page": nil},
	})
	fmt.Println(err)
	// Output:
	// sanitize.Fields[/items*/note]: /items*/note: has a * in part of a segment; write * as a whole segment, as in "/items/*/note"
	// sanitize.Fields[title]: title: is not a JSON pointer; write it with a slash before each name, such as "/name" (fields of a form belong in Form, query parameters in Query)
	// sanitize.Query[/q]: /q: is not the name of a parameter; write the bare name, such as "q" (a JSON pointer belongs in Fields)
	// sanitize.Query[page]: has no policy; use sanitize.Reject, Text, Strict, UGC or Custom
}

// A name with a tag is not a name: Reject refuses it with 400.
func ExampleReject() {
	names := bulwark.Must(sanitize.New(sanitize.Config{Fields: sanitize.Fields{"/name": sanitize.Reject}}))
	handler := names.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	for _, body := range []string{`{"name": "Ann O'Brien <3"}`, `{"name": "<b>Ann</b>"}`} {
		r := httptest.NewRequest("POST", "/users", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		fmt.Println(w.Code)
	}
	// Output:
	// 204
	// 400
}

func ExampleMiddleware_Clean() {
	search := bulwark.Must(sanitize.New(sanitize.Config{Query: sanitize.Fields{"q": sanitize.Text}}))
	r := httptest.NewRequest("GET", "/search?page=2&q=%3Cb%3Ego%3C/b%3E+1%3C2", nil)
	r, err := search.Clean(r)
	fmt.Println(r.URL, err)
	// Output:
	// /search?page=2&q=go+1%3C2 <nil>
}

// Attacks are reported, and the request goes on. The event says where the
// payload is, and not what it is.
func ExampleDetect() {
	watch := bulwark.Must(sanitize.New(sanitize.Config{
		Detect:       sanitize.DetectReport,
		DetectExcept: []string{"/snippet"}, // code on purpose
	}))
	var events bulwarktest.Recorder // an audit layer in a service
	handler := events.Wrap(watch.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) })))

	r := httptest.NewRequest("POST", "/notes?page=2", strings.NewReader(
		`{"title": "O'Brien & Sons", "author": "x' OR '1'='1", "snippet": "SELECT * FROM users; --"}`))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	fmt.Println(w.Code)
	for _, e := range events.Events() {
		fmt.Println(e.Name, e.Rule, e.Attrs)
	}
	// Output:
	// 204
	// malicious_sqli sqli [in=body pointer=/author fingerprint=s&sos action=reported]
}

// A service whose texts never look like code may refuse such a request.
func ExampleDetect_reject() {
	watch := bulwark.Must(sanitize.New(sanitize.Config{Detect: sanitize.DetectReject}))
	var events bulwarktest.Recorder // an audit layer in a service
	handler := events.Wrap(watch.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) })))
	for _, target := range []string{"/items?sort=-date&tag=rock+'n'+roll", "/items?file=..%2f..%2fetc%2fpasswd"} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest("GET", target, nil))
		fmt.Println(w.Code)
	}
	for _, e := range events.Events() {
		fmt.Println(e.Name, e.Rule, e.Attrs[0], e.Attrs[1])
	}
	// Output:
	// 204
	// 400
	// malicious_extraneous traversal in=query pointer=file
}
