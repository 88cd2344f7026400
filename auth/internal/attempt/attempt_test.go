package attempt_test

import (
	"errors"
	"log/slog"
	"net/http"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/internal/attempt"
)

func TestMark(t *testing.T) {
	plain := errors.New("boom")
	var none *bulwark.Problem
	for _, test := range []struct {
		name string
		err  error
		want []string // the attributes
	}{
		{"bad-credential", auth.Invalid("expired", nil), []string{"authMethod=jwt"}},
		{"outage", auth.Unavailable("store_unavailable", nil, 0), []string{"authMethod=jwt"}},
		{"reuse-with-attribute", &bulwark.Problem{Log: bulwark.ProblemLog{Event: bulwark.AuthnTokenReuse, Attrs: []slog.Attr{slog.String("session", "7")}}},
			[]string{"session=7", "authMethod=jwt"}},
		{"marked-before", attempt.Mark(auth.Invalid("expired", nil), "session"), []string{"authMethod=session"}},
		{"no-credential", &bulwark.Problem{Status: http.StatusUnauthorized, Log: bulwark.ProblemLog{Event: bulwark.AuthzFail}}, nil},
		{"not-found", &bulwark.Problem{Status: http.StatusNotFound}, nil},
		{"other-error", plain, nil},
		{"nil-problem", none, nil},
		{"nil", nil, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			marked := attempt.Mark(test.err, "jwt")
			p, ok := marked.(*bulwark.Problem)
			if !ok || p == nil {
				if marked != test.err || test.want != nil {
					t.Errorf("got %v, want %v", marked, test.err)
				}
				return
			}
			var got []string
			for _, attr := range p.Log.Attrs {
				got = append(got, attr.String())
			}
			if len(got) != len(test.want) {
				t.Fatalf("attributes %v, want %v", got, test.want)
			}
			for i := range got {
				if got[i] != test.want[i] {
					t.Errorf("attributes %v, want %v", got, test.want)
				}
			}
		})
	}
}

// Requests may share a problem, so that the mark goes to a copy.
func TestMarkCopies(t *testing.T) {
	attrs := make([]slog.Attr, 1, 4)
	attrs[0] = slog.String("session", "7")
	shared := &bulwark.Problem{Log: bulwark.ProblemLog{Event: bulwark.AuthnTokenInvalid, Attrs: attrs}}
	attempt.Mark(shared, "jwt")
	if len(shared.Log.Attrs) != 1 || attrs[:2][1].Key != "" {
		t.Errorf("the shared problem has %v", attrs[:2])
	}
}
