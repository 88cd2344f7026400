package sanitize_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/sanitize"
)

// A long value with a policy that reads HTML is refused before it is read.
func TestCaseSanitize2Length(t *testing.T) {
	calls := 0
	custom := sanitize.Custom(func(s string) string { calls++; return s })
	dear := func(n int) string { return strings.Repeat("<p><q cite='//x'>", n/17+1)[:n] }
	const limit = 64 << 10
	for _, tt := range []struct {
		name   string
		policy sanitize.Policy
		set    int // MaxStringBytes
		length int
		limit  float64 // 0 where the value passes
	}{
		{"ugc", sanitize.UGC, 0, limit + 1, limit},
		{"ugc_longest", sanitize.UGC, 0, limit, 0},
		{"ugc_longer_by_config", sanitize.UGC, 240_000, 240_000, 0},
		{"ugc_shorter_by_config", sanitize.UGC, 100, 101, 100},
		{"strict", sanitize.Strict, 0, limit + 1, limit},
		{"custom", custom, 0, limit + 1, limit},
		{"text", sanitize.Text, 0, limit + 1, 0},
		{"reject", sanitize.Reject, 0, limit + 1, 400}, // for its markup
	} {
		for in, request := range map[string]func(v string) *http.Request{
			"body": func(v string) *http.Request { return post(asJSON, `{"content":"`+v+`"}`) },
			"form": func(v string) *http.Request { return post(asForm, "content="+url.QueryEscape(v)) },
			"query": func(v string) *http.Request {
				return httptest.NewRequest("GET", "/?content="+url.QueryEscape(v), nil)
			},
		} {
			t.Run(tt.name+"/"+in, func(t *testing.T) {
				fields := sanitize.Fields{"content": tt.policy}
				c := sanitize.Config{JSON: bulwark.JSONLimits{MaxStringBytes: tt.set}}
				switch in {
				case "body":
					c.Fields = sanitize.Fields{"/content": tt.policy}
				case "form":
					c.Form = fields
				case "query":
					c.Query = fields
				}
				calls = 0
				x := send(t, bulwark.Must(sanitize.New(c)), request(dear(tt.length)))
				switch {
				case tt.limit == 0:
					if !x.ran {
						t.Fatalf("refused: %d %.200s", x.answer.Code, x.answer.Body)
					}
				case tt.policy == sanitize.Reject:
					x.refused(400, "sanitize.markup", bulwark.InputValidationFail)
				case in == "body" && tt.set != 0: // the decoder refuses it already
					x.refused(400, "body.too_complex", bulwark.InputValidationFail)
				default:
					p := x.refused(400, "sanitize.length", bulwark.InputValidationFail)
					if len(p.Errors) != 1 || p.Errors[0].Params["limit"] != tt.limit || p.Errors[0].Pointer != "/content" {
						t.Errorf("errors %+v", p.Errors)
					}
					if calls != 0 {
						t.Error("the value was read")
					}
				}
			})
		}
	}
	// The default never exceeds the body's own bound.
	small := bulwark.Must(sanitize.New(sanitize.Config{Query: sanitize.Fields{"q": sanitize.UGC}, MaxBodyBytes: 1000}))
	r := httptest.NewRequest("GET", "/?q="+strings.Repeat("a", 1001), nil)
	p := send(t, small, r).refused(400, "sanitize.length", bulwark.InputValidationFail)
	if p.Errors[0].Params["limit"] != 1000.0 {
		t.Errorf("errors %+v", p.Errors)
	}
}
