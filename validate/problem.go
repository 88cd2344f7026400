package validate

import (
	"cmp"
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
		Detail: "The request has values that are not allowed; see errors.", Errors: errs,
		Log: bulwark.ProblemLog{Attrs: []slog.Attr{slog.Int("faults", total), slog.String("first", errs[0].In+" "+errs[0].Code)}}}
	if total > len(errs) {
		p.Detail = fmt.Sprintf("The request has values that are not allowed; errors lists the first %d of %d.", len(errs), total)
	}
	return p
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

func tooComplex(in string) *bulwark.Problem {
	return &bulwark.Problem{Status: http.StatusBadRequest, Code: "validate.too_complex", Log: bulwark.ProblemLog{Rule: in},
		Detail: "Checking the " + in + " takes more steps than are allowed."}
}

func malformed(in, text string) *bulwark.Problem {
	return &bulwark.Problem{Status: http.StatusBadRequest, Code: "validate.malformed_" + in, Detail: text}
}

// broken refuses a request that could not be checked, which is a fault of ours
// and not of the client. Only the log has the cause.
func broken(cause any) *bulwark.Problem {
	err, ok := cause.(error)
	if !ok {
		err = fmt.Errorf("%v", cause)
	}
	return &bulwark.Problem{Status: http.StatusInternalServerError, Code: "validate.unchecked",
		Detail: "The request could not be checked.", Err: err}
}
