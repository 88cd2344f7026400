package bulwark_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/cors"
	"github.com/bulwark-go/bulwark/ratelimit"
)

// meant is a limit by principal that is meant for a chain inside another one.
type meant struct{ part }

func (m meant) Build() (bulwark.Layer, error) { return m, nil }
func (m meant) AuthOutside() bool             { return true }

// meantWrong has the method with another result.
type meantWrong struct{ part }

func (m meantWrong) Build() (bulwark.Layer, error) { return m, nil }
func (m meantWrong) AuthOutside() error            { return nil }

// limit is a layer with the name of a limit.
type limit struct {
	part
	name string
}

func (l limit) Build() (bulwark.Layer, error) { return l, nil }
func (l limit) LimitName() string             { return l.name }

// A chain is refused whose order defeats a limit.
func TestCaseRoot17Limits(t *testing.T) {
	byIP := ratelimit.Config{Name: "address", Key: ratelimit.ByIP, Rate: "10/minute"}
	byCaller := ratelimit.Config{Name: "caller", Key: ratelimit.ByPrincipal, Rate: "10/minute"}
	inner := byCaller
	inner.AuthOutside = true
	crossOrigin := cors.Config{Origins: cors.Origins("https://app.example.com")}
	who := part{kind: "auth", calls: new([]string)}
	of := func(kind string) bulwark.Builder { return part{kind: kind, calls: new([]string)} }
	nested := bulwark.Must(bulwark.Chain(byIP))
	for _, test := range []struct {
		name  string
		parts []bulwark.Builder
		want  string // part of the error, empty for an accepted order
	}{
		{"limit_outside_cors", []bulwark.Builder{byIP, crossOrigin}, "bulwark.Chain[1]: cors: put cors outside each limit"},
		{"limit_outside_other_layers_and_cors", []bulwark.Builder{of("audit"), of("edge"), byIP, of("headers"), crossOrigin, who}, "bulwark.Chain[4]: cors: put cors outside each limit"},
		{"nested_limit_outside_cors", []bulwark.Builder{nested, crossOrigin}, "put cors outside each limit"},
		{"limit_by_principal_outside_cors", []bulwark.Builder{inner, crossOrigin}, "put cors outside each limit"},
		{"between_cors_and_cors", []bulwark.Builder{crossOrigin, byIP, crossOrigin}, "bulwark.Chain[2]: cors"},
		{"cors_outside_limit", []bulwark.Builder{crossOrigin, byIP}, ""},
		{"no_auth", []bulwark.Builder{byCaller}, "bulwark.Chain[0]: ratelimit(caller): counts by principal"},
		{"no_auth_and_others", []bulwark.Builder{of("audit"), crossOrigin, byIP, byCaller, of("authz")}, "bulwark.Chain[3]: ratelimit(caller): counts by principal"},
		{"no_auth_says_what_to_do", []bulwark.Builder{byCaller}, "AuthOutside"},
		{"auth_is_around_the_chain", []bulwark.Builder{inner}, ""},
		{"auth_is_in_the_chain", []bulwark.Builder{who, byCaller}, ""},
		{"two_limits_of_one_name", []bulwark.Builder{byIP, of("headers"), byIP}, "bulwark.Chain[2]: ratelimit(address): has the Name of another limit in the chain"},
		{"two_limits_of_one_name_in_a_stack", []bulwark.Builder{bulwark.Must(ratelimit.New(byIP)), nested}, "bulwark.Chain[1]: ratelimit(address): has the Name"},
		{"one_limit_twice", []bulwark.Builder{nested, nested}, ""},
		{"foreign_limits_of_one_name", []bulwark.Builder{limit{part{calls: new([]string)}, "mine"}, limit{part{calls: new([]string)}, "mine"}}, "has the Name"},
		{"foreign_limits_without_names", []bulwark.Builder{limit{part{calls: new([]string)}, ""}, limit{part{calls: new([]string)}, ""}}, ""},
		{"auth_is_in_both", []bulwark.Builder{who, inner}, ""},
		{"inside_out", []bulwark.Builder{inner, who}, "bulwark.Chain[0]: ratelimit(caller): put it inside auth"},
		{"by_address_alone", []bulwark.Builder{byIP}, ""},
		{"foreign_limit", []bulwark.Builder{of("ratelimit.principal")}, "bulwark.Chain[0]: ratelimit.principal: counts by principal"},
		{"foreign_limit_with_a_name", []bulwark.Builder{limit{part{kind: "ratelimit.principal", calls: new([]string)}, "mine"}}, "bulwark.Chain[0]: ratelimit(mine): counts by principal"},
		{"foreign_limit_with_an_empty_name", []bulwark.Builder{limit{part{kind: "ratelimit.principal", calls: new([]string)}, ""}}, "bulwark.Chain[0]: ratelimit.principal: counts by principal"},
		{"name_of_another_kind", []bulwark.Builder{limit{part{kind: "authz", calls: new([]string)}, "mine"}, who}, "bulwark.Chain[0]: authz: put it inside auth"},
		{"foreign_limit_that_is_meant", []bulwark.Builder{meant{part{kind: "ratelimit.principal", calls: new([]string)}}}, ""},
		{"misspelled", []bulwark.Builder{meantWrong{part{kind: "ratelimit.principal", calls: new([]string)}}}, "write AuthOutside() bool"},
	} {
		t.Run(test.name, func(t *testing.T) {
			stack, err := bulwark.Chain(test.parts...)
			if test.want == "" {
				if err != nil {
					t.Fatalf("refused: %v", err)
				}
				stack.Wrap(http.NotFoundHandler())
				return
			}
			var config *bulwark.ConfigError
			if !errors.As(err, &config) || stack != nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %q, want a ConfigError with %q", err, test.want)
			}
		})
	}
}

func TestCaseRoot17AuthOutsideNeedsAPrincipal(t *testing.T) {
	_, err := ratelimit.New(ratelimit.Config{Name: "address", Key: ratelimit.ByIP, Rate: "10/minute", AuthOutside: true})
	var config *bulwark.ConfigError
	if !errors.As(err, &config) || config.Field != "ratelimit(address).AuthOutside" {
		t.Errorf("%v", err)
	}
}
