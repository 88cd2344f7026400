package sanitize_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/sanitize"
)

// A refusal that a field of the Config decides names the field in the log.
// Neither the log nor the detail has a submitted value.
func TestCausesNameTheField(t *testing.T) {
	config := sanitize.Config{
		Fields: sanitize.Fields{"/name": sanitize.Reject, "/list/*": sanitize.UGC},
		Form:   sanitize.Fields{"comment": sanitize.Reject},
		Query:  sanitize.Fields{"q": sanitize.Reject, "page": sanitize.UGC},
	}
	query := func(q string) *http.Request {
		r := httptest.NewRequest("GET", "/x", nil)
		r.URL.RawQuery = q
		return r
	}
	inQuery := post(asForm, "other=1")
	inQuery.URL.RawQuery = "comment=s3cret"
	for _, tt := range []struct {
		name    string
		request *http.Request
		code    string
		want    []string
	}{
		{"markup", post(asJSON, `{"name":"<b>s3cret"}`), "sanitize.markup", []string{`sanitize.Config.Fields["/name"] is Reject`, "(markup)", "Text"}},
		{"control", post(asJSON, `{"name":"s3cret\u0000"}`), "sanitize.control", []string{`sanitize.Config.Fields["/name"]`, "(control)"}},
		{"bidi", post(asJSON, `{"name":"s3cret\u202e"}`), "sanitize.bidi", []string{`sanitize.Config.Fields["/name"]`, "(bidi)"}},
		{"encoding", query("q=s3cret%ff"), "sanitize.encoding", []string{`sanitize.Config.Query["q"]`, "(encoding)"}},
		{"form_in_another_case", post(asForm, "COMMENT=%3Cb%3Es3cret"), "sanitize.markup", []string{`sanitize.Config.Form["comment"]`}},
		{"length", query("page=s3cret" + strings.Repeat("x", 64<<10)), "sanitize.length", []string{`sanitize.Config.Query["page"]`, "sanitize.Config.JSON.MaxStringBytes (65536)"}},
		{"spelling", post(asJSON, `{"NAME":"s3cret"}`), "sanitize.spelling", []string{`sanitize.Config.Fields["/name"]`}},
		{"query", query("q=s3cret;x"), "sanitize.malformed_query", []string{"sanitize.Config.Query"}},
		{"form", post(asForm, "comment=s3cret%"), "sanitize.malformed_form", []string{"sanitize.Config.Form"}},
		{"field_in_the_query", inQuery, "body.ambiguous_parameter", []string{"sanitize.Config.Form"}},
		{"parameter_in_a_form", post(asForm, "q=s3cret"), "body.ambiguous_parameter", []string{"sanitize.Config.Query"}},
		{"media_type", post("text/plain", "s3cret"), "body.unsupported_media_type", []string{"sanitize.Config.MediaTypes and sanitize.Config.Form"}},
		{"too_large", post(asJSON, `"`+strings.Repeat("x", 1<<20)+`"`), "body.too_large", []string{"MaxBodyBytes of sanitize.Config (1048576)"}},
		{"too_deep", post(asJSON, strings.Repeat("[", 40)+strings.Repeat("]", 40)), "body.too_complex", []string{"at most 32 levels", "JSON.MaxDepth of sanitize.Config"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := send(t, bulwark.Must(sanitize.New(config)), tt.request)
			events := x.events.Events()
			if x.ran || len(events) != 1 || events[0].Reason != tt.code {
				t.Fatalf("answer %d, events %+v, want %s", x.answer.Code, events, tt.code)
			}
			cause := ""
			for _, a := range events[0].Attrs {
				if a.Key == "error" {
					cause = a.Value.String()
				}
			}
			for _, want := range tt.want {
				if !strings.Contains(cause, want) {
					t.Errorf("the error is %q, want %q in it", cause, want)
				}
			}
			if strings.Contains(cause+x.answer.Body.String(), "s3cret") {
				t.Errorf("a submitted value is in %q or %s", cause, x.answer.Body)
			}
		})
	}
}

// Every error of New says what to write instead.
func TestConfigErrorsSayWhatToWrite(t *testing.T) {
	for _, tt := range []struct {
		config sanitize.Config
		want   string
	}{
		{sanitize.Config{}, `sanitize.Fields: is empty, and so are Form and Query; name a string, such as Fields: sanitize.Fields{"/name": sanitize.Text}`},
		{sanitize.Config{Fields: sanitize.Fields{"name": sanitize.Text}}, `write it with a slash before each name, such as "/name"`},
		{sanitize.Config{Fields: sanitize.Fields{"/a*": sanitize.Text}}, `write * as a whole segment, as in "/items/*/note"`},
		{sanitize.Config{Fields: sanitize.Fields{"/a~2": sanitize.Text}}, "write ~0 for ~ and ~1 for /"},
		{sanitize.Config{Fields: sanitize.Fields{"/a": nil}}, "use sanitize.Reject, Text, Strict, UGC or Custom"},
		{sanitize.Config{Fields: sanitize.Fields{"/a": sanitize.Custom(nil)}}, "give sanitize.Custom a function"},
		{sanitize.Config{Query: sanitize.Fields{"/q": sanitize.Text}}, `write the bare name, such as "q"`},
		{sanitize.Config{Query: sanitize.Fields{"q": sanitize.Text}, MaxBodyBytes: -1}, "write a positive value, or leave it out for the default of 1 MiB"},
	} {
		if _, err := sanitize.New(tt.config); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("New = %v, want %q in it", err, tt.want)
		}
	}
}
