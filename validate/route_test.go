package validate_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/validate"
)

// A Path schema that no wildcard of the route can meet must not let every
// request pass.
func TestPathWithoutWildcards(t *testing.T) {
	const (
		id   = `{"properties":{"id":{"type":"string","maxLength":3}}}`
		both = `{"properties":{"id":{"type":"string","maxLength":3},"org":{"type":"string"}}}`
	)
	none := func(*http.Request, string) string { return "" }
	set := func(r *http.Request, name, value string) { r.SetPathValue(name, value) }
	tests := []struct {
		name      string
		schema    string
		pattern   string
		values    [][2]string
		pathValue func(*http.Request, string) string
		status    int
		want      []string // parts of the error
	}{
		{"NoRouterOfNetHTTP", id, "", nil, nil, 500, []string{"validate.Config.PathValue", "Config.Path describes (id)", "inside the router"}},
		{"RequiredAlso", `{"properties":{"id":{"type":"string"}},"required":["id"]}`, "", nil, nil, 500, []string{"validate.Config.PathValue"}},
		{"OtherValues", both, "", [][2]string{{"idd", "s3cret"}}, nil, 500, []string{"validate.Config.PathValue", "(id, org)"}},
		{"AroundAServeMux", id, "/", nil, nil, 500, []string{"validate.Config.Path", "pattern /;", "validate.Config.PathValue"}},
		{"AroundASubRouter", id, "/api/", nil, nil, 500, []string{"validate.Config.PathValue"}},
		{"AroundASubRouterOfChi", id, "/api/*", nil, nil, 500, []string{"validate.Config.PathValue"}},
		{"Typo", `{"properties":{"idd":{"type":"string"}}}`, "GET /documents/{id}", [][2]string{{"id", "s3cret"}}, nil, 500,
			[]string{"validate.Config.Path: idd: ", "pattern GET /documents/{id};"}},
		{"TypoShorter", `{"properties":{"i":{"type":"string"}}}`, "GET /documents/{id}", [][2]string{{"id", "s3cret"}}, nil, 500, []string{"validate.Config.Path: i: "}},
		{"TypoDoubled", `{"properties":{"a":{"type":"string"}}}`, "GET /{aa}", [][2]string{{"aa", "s3cret"}}, nil, 500, []string{"validate.Config.Path: a: "}},
		{"NameOfASegment", `{"properties":{"documents":{"type":"string"}}}`, "GET /documents/{id}", [][2]string{{"id", "s3cret"}}, nil, 500, []string{"validate.Config.Path"}},
		{"NameWithoutText", `{"properties":{"":{"type":"string"}}}`, "GET /documents/{id}", [][2]string{{"id", "s3cret"}}, nil, 500, []string{"validate.Config.Path"}},

		{"UnitTest", id, "", [][2]string{{"id", "abc"}}, nil, 204, nil},
		{"UnitTestRefused", id, "", [][2]string{{"id", "abcd"}}, nil, 422, nil},
		{"OneOfTwo", both, "", [][2]string{{"org", "acme"}}, nil, 204, nil},
		{"SharedByRoutes", both, "GET /orgs/{org}", [][2]string{{"org", "acme"}}, nil, 204, nil},
		{"EmptyWildcard", `{"properties":{"path":{"type":"string"}}}`, "/files/{path...}", nil, nil, 204, nil},
		{"EmptyWildcardOfSeveral", `{"properties":{"id":{"type":"string"},"path":{"type":"string"}}}`, "/files/{path...}", nil, nil, 204, nil},
		{"EmptyStarOfChi", `{"properties":{"*":{"type":"string"}}}`, "/files/*", nil, nil, 204, nil},
		{"EmptyExpressionOfChi", id, "/documents/{id:.*}", nil, nil, 204, nil},
		{"EmptyColon", id, "/documents/:id/x", nil, nil, 204, nil},
		{"FixedRoute", id, "GET /documents", nil, nil, 204, nil},
		{"FixedRouteOfASlash", id, "GET example.com/documents/{$}", nil, nil, 204, nil},
		{"FixedRouteOfAPort", id, "GET example.com:8080/documents", nil, nil, 204, nil},
		{"OwnFunction", id, "", nil, none, 204, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := bulwark.Must(validate.New(validate.Config{Path: validate.SchemaJSON(test.schema), PathValue: test.pathValue}))
			r := httptest.NewRequest("GET", "/s3cret", nil)
			r.Pattern = test.pattern
			for _, v := range test.values {
				set(r, v[0], v[1])
			}
			o := through(t, m, r)
			_, err := m.Check(r)
			switch test.status {
			case 204:
				o.passed(t)
				if err != nil {
					t.Errorf("Check = %v", err)
				}
			case 422:
				o.refused(t, 422, "validate.invalid")
			default:
				if o.seen != nil || o.status != test.status || o.problem.Code != "validate.unconfigured" || o.problem.Detail != "" {
					t.Fatalf("answered %d %s", o.status, o.text)
				}
				if len(o.events) != 1 || o.events[0].Name != bulwark.SysUnavailable || o.events[0].Status != test.status || o.events[0].Reason != "validate.unconfigured" {
					t.Fatalf("events are %+v", o.events)
				}
				if !errors.As(err, new(*bulwark.ConfigError)) {
					t.Errorf("Check = %v", err)
				}
				got := causeOf(t, o)
				for _, want := range test.want {
					if !strings.Contains(got, want) {
						t.Errorf("the error is %q, want %q in it", got, want)
					}
				}
				if strings.Contains(got+o.text, "s3cret") {
					t.Errorf("a submitted value is in %q or %q", got, o.text)
				}
			}
		})
	}
}
