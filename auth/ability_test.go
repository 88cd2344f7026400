package auth_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
)

// plain is an authenticator without any ability, for others to embed.
type plain struct{}

func (plain) Detect(*http.Request) auth.Presence { return auth.None }
func (plain) Challenges() []bulwark.Challenge    { return []bulwark.Challenge{{Scheme: "Bearer"}} }
func (plain) Authenticate(*http.Request) (*bulwark.Principal, error) {
	return nil, errors.New("not asked")
}

type (
	able           struct{ plain } // and passed as it is made
	ableByPointer  struct{ plain } // whose methods are those of the pointer
	issuerOfBytes  struct{ plain }
	issuerWithArg  struct{ plain }
	issuerPointer  struct{ plain }
	shutsSilently  struct{ plain }
	shutsWithout   struct{ plain }
	closes         struct{ plain }
	both           struct{ plain }
	offersNothing  struct{ plain }
	around         struct{ auth.Authenticator }
	shutsByPointer struct{ plain }
	oneField       struct{ plain }
	fieldsOf       struct{ plain }
	claimsTwo      struct{ plain }
	claimsAway     struct{ plain }
)

func (oneField) Fields() string    { return "" }
func (*fieldsOf) Fields() []string { return nil }
func (claimsTwo) Claim() []string  { return nil }
func (*claimsAway) Claim() string  { return "" }

func (able) Issuer() string                                  { return "able" }
func (able) Shutdown(context.Context) error                  { return nil }
func (*ableByPointer) Issuer() string                        { return "by pointer" }
func (*ableByPointer) Shutdown(context.Context) error        { return nil }
func (issuerOfBytes) Issuer() []byte                         { return nil }
func (issuerWithArg) Issuer(context.Context) string          { return "" }
func (*issuerPointer) Issuer(int) string                     { return "" }
func (shutsSilently) Shutdown(context.Context)               {}
func (shutsWithout) Shutdown() error                         { return nil }
func (closes) Close() error                                  { return nil }
func (both) Issuer() error                                   { return nil }
func (*both) Shutdown()                                      {}
func (offersNothing) Challenges() []bulwark.Challenge        { return nil }
func (shutsByPointer) Issuer() string                        { return "shuts by pointer" }
func (s *shutsByPointer) Shutdown(ctx context.Context) error { return ctx.Err() }

// What an authenticator seems to have and has not is told at the start, not
// when a key server is closed by nobody.
func TestAbilitiesOfAnotherShapeAreRefused(t *testing.T) {
	const (
		writeIssuer   = "has a method Issuer of another signature; write Issuer() string, or rename the method"
		writeShutdown = "has a method Shutdown of another signature; write Shutdown(context.Context) error, or rename the method"
		issuerByValue = "is passed by value, but only the pointer has the method Issuer; pass a pointer to it"
		closeByValue  = "is passed by value, but only the pointer has the method Shutdown; pass a pointer to it"
		noChallenges  = "returns no Challenges; return the scheme that a 401 offers, such as Bearer"
	)
	for _, test := range []struct {
		name string
		a    auth.Authenticator
		want []string // reasons
	}{
		{"without", plain{}, nil},
		{"without-by-pointer", &plain{}, nil},
		{"by-value", able{}, nil},
		{"by-value-passed-by-pointer", &able{}, nil},
		{"by-pointer", &ableByPointer{}, nil},
		{"another-name", closes{}, nil},
		{"decorator", around{able{}}, nil},
		{"by-pointer-passed-by-value", ableByPointer{}, []string{issuerByValue, closeByValue}},
		{"one-by-pointer-passed-by-value", shutsByPointer{}, []string{closeByValue}},
		{"one-field", oneField{}, []string{"has a method Fields of another signature; write Fields() []string, or rename the method"}},
		{"fields-by-pointer", fieldsOf{}, []string{"is passed by value, but only the pointer has the method Fields; pass a pointer to it"}},
		{"two-claims", claimsTwo{}, []string{"has a method Claim of another signature; write Claim() string, or rename the method"}},
		{"claim-by-pointer", claimsAway{}, []string{"is passed by value, but only the pointer has the method Claim; pass a pointer to it"}},
		{"issuer-of-bytes", issuerOfBytes{}, []string{writeIssuer}},
		{"issuer-of-bytes-by-pointer", &issuerOfBytes{}, []string{writeIssuer}},
		{"issuer-with-argument", issuerWithArg{}, []string{writeIssuer}},
		{"issuer-of-pointer-with-argument", issuerPointer{}, []string{writeIssuer}},
		{"shutdown-without-error", shutsSilently{}, []string{writeShutdown}},
		{"shutdown-without-context", &shutsWithout{}, []string{writeShutdown}},
		{"both", both{}, []string{writeIssuer, writeShutdown}},
		{"no-challenges", offersNothing{}, []string{noChallenges}},
	} {
		t.Run(test.name, func(t *testing.T) {
			m, err := auth.New(auth.Config{Authenticators: []auth.Authenticator{tokens(), test.a}})
			if (m == nil) != (len(test.want) > 0) {
				t.Fatalf("a layer %t, %v", m != nil, err)
			}
			var found []string
			for _, fault := range faults(err) {
				found = append(found, fault.Reason)
				if fault.Field != "auth.Authenticators[1]" || !strings.Contains(fault.Value, "auth_test.") {
					t.Errorf("%s of %q", fault.Field, fault.Value)
				}
			}
			if got, want := strings.Join(found, "\n"), strings.Join(test.want, "\n"); got != want {
				t.Errorf("reasons\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// faults are all ConfigErrors that err joins, in their order.
func faults(err error) []*bulwark.ConfigError {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		var all []*bulwark.ConfigError
		for _, one := range many.Unwrap() {
			all = append(all, faults(one)...)
		}
		return all
	}
	var fault *bulwark.ConfigError
	if errors.As(err, &fault) {
		return []*bulwark.ConfigError{fault}
	}
	return nil
}
