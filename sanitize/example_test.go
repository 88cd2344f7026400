package sanitize_test

import (
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/sanitize"
)

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

// Unescaping what an HTML sanitizer returns is not a way to get plain text: it
// brings back what was escaped, tags included. Use Text.
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

func ExampleMiddleware_Clean() {
	search := bulwark.Must(sanitize.New(sanitize.Config{Query: sanitize.Fields{"q": sanitize.Text}}))
	r := httptest.NewRequest("GET", "/search?page=2&q=%3Cb%3Ego%3C/b%3E+1%3C2", nil)
	r, err := search.Clean(r)
	fmt.Println(r.URL, err)
	// Output:
	// /search?page=2&q=go+1%3C2 <nil>
}
