package validate

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/bulwark-go/bulwark"
)

// invalid is the one answer for all faults that were found.
func (v *visit) invalid() *bulwark.Problem {
	errs, total := sorted(v.found, v.m.maxErrors)
	p := &bulwark.Problem{Status: v.m.status, Code: "validate.invalid",
		Detail: "The request has values that are not allowed; see errors.", Errors: errs, Err: cause(errs[0]),
		Log: bulwark.ProblemLog{Attrs: []slog.Attr{slog.Int("faults", total), slog.String("first", v.first(errs[0]))}}}
	if total > len(errs) {
		p.Detail = fmt.Sprintf("The request has values that are not allowed; errors lists the first %d of %d.", len(errs), total)
	}
	return p
}

// first is the first fault for the log: the part of the request, the pointer if
// the schema has all its names, and the code.
func (v *visit) first(e bulwark.FieldError) string {
	if e.Pointer == "" || v.submitted[e.In+e.Pointer] {
		return e.In + " " + e.Code
	}
	return e.In + " " + e.Pointer + " " + e.Code
}

// fieldOf is the field of the Config that describes a part of the request.
var fieldOf = map[string]string{inBody: "Body", inQuery: "Query", inPath: "Path", inHeader: "Header"}

// cause names the field of the Config whose schema refuses a value.
func cause(first bulwark.FieldError) error {
	text := "the schema of validate.Config." + fieldOf[first.In] + " refuses a value by the rule " + first.Code
	if first.Code == "unknown" {
		text += "; a property that clients may send must be described in the schema"
	}
	return errors.New(text)
}

// sorted puts the errors in order. An error is listed once for each place, code
// and parameters of the rule. It returns at most limit of them, and the number
// of all.
func sorted(all []bulwark.FieldError, limit int) ([]bulwark.FieldError, int) {
	slices.SortStableFunc(all, func(a, b bulwark.FieldError) int {
		return cmp.Or(strings.Compare(a.In, b.In), strings.Compare(a.Pointer, b.Pointer), strings.Compare(a.Code, b.Code))
	})
	kept := all[:0]
	for _, e := range all {
		again := false
		for i := len(kept) - 1; i >= 0 && samePlace(kept[i], e); i-- {
			again = again || reflect.DeepEqual(kept[i].Params, e.Params)
		}
		if !again {
			kept = append(kept, e)
		}
	}
	return kept[:min(len(kept), limit)], len(kept)
}

func samePlace(a, b bulwark.FieldError) bool {
	return a.In == b.In && a.Pointer == b.Pointer && a.Code == b.Code
}

// tooComplex refuses a part that takes more than Config.MaxSteps to check.
func tooComplex(in string, steps int) *bulwark.Problem {
	return complexity(in, "Checking the "+in+" takes more work than is allowed. Send fewer or shorter values.",
		fmt.Sprintf("checking the %s takes more than validate.Config.MaxSteps (%d)", in, steps))
}

// tooMany refuses a query or header that exceeds a bound of Config.JSON.
func tooMany(in, things, field string, most int) *bulwark.Problem {
	bound := fmt.Sprintf("%s may have at most %d %s", in, most, things)
	return complexity(in, "The "+bound+".", "the "+bound+"; see validate.Config.JSON."+field)
}

func complexity(in, detail, cause string) *bulwark.Problem {
	return &bulwark.Problem{Status: http.StatusBadRequest, Code: "validate.too_complex", Log: bulwark.ProblemLog{Rule: in},
		Detail: detail, Err: errors.New(cause)}
}

func malformed(in, text string) *bulwark.Problem {
	return &bulwark.Problem{Status: http.StatusBadRequest, Code: "validate.malformed_" + in, Detail: text}
}

// broken refuses a request that could not be checked. This is a fault of the
// server, and not of the client. Only the log has the cause.
func broken(err error) *bulwark.Problem {
	return &bulwark.Problem{Status: http.StatusInternalServerError, Code: "validate.unchecked",
		Detail: "The server could not check the request.", Err: err}
}
