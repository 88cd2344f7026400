package body

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/jsondoc"
)

// Required is the refusal of an empty body by a layer that needs one.
func Required() *bulwark.Problem {
	return &bulwark.Problem{Status: http.StatusBadRequest, Code: "body.required",
		Detail: "The request needs a body."}
}

func tooLarge(limit int64, cause error) *bulwark.Problem {
	return &bulwark.Problem{Status: http.StatusRequestEntityTooLarge, Code: "body.too_large",
		Detail: fmt.Sprintf("The body is larger than the %d bytes allowed here.", limit), Err: cause}
}

// unsupportedMediaType names the types that would do (RFC 9110 section 15.5.16,
// RFC 5789 section 3.1).
func unsupportedMediaType(r *http.Request, types []string) *bulwark.Problem {
	list := strings.Join(types, ", ")
	header := http.Header{"Accept": {list}}
	if r.Method == http.MethodPatch {
		header["Accept-Patch"] = []string{list}
	}
	return &bulwark.Problem{Status: http.StatusUnsupportedMediaType, Code: "body.unsupported_media_type",
		Detail: "Content-Type must be one of " + list + ", in UTF-8.", Header: header}
}

func unsupportedEncoding() *bulwark.Problem {
	return &bulwark.Problem{Status: http.StatusUnsupportedMediaType, Code: "body.unsupported_encoding",
		Detail: "Send the body without Content-Encoding.", Header: http.Header{"Accept-Encoding": {"identity"}}}
}

func timedOut(cause error) *bulwark.Problem {
	return &bulwark.Problem{Status: http.StatusRequestTimeout, Code: "body.timeout",
		Detail: "The body did not arrive in time.", Err: cause,
		Header: http.Header{"Connection": {"close"}}} // RFC 9110 section 15.5.9
}

func incomplete(cause error) *bulwark.Problem {
	return &bulwark.Problem{Status: http.StatusBadRequest, Code: "body.incomplete",
		Detail: "The body could not be read to its end.", Err: cause}
}

// fromJSON turns what the decoder refuses into an answer. The error tells a
// kind and an offset, and nothing that was submitted.
func fromJSON(err error, limit int64) *bulwark.Problem {
	var fault *jsondoc.Error
	if !errors.As(err, &fault) || fault.Kind == jsondoc.KindBytes {
		return tooLarge(limit, err)
	}
	p := &bulwark.Problem{Status: http.StatusBadRequest, Code: "body.malformed", Err: err,
		Log: bulwark.ProblemLog{Attrs: []slog.Attr{slog.String("kind", string(fault.Kind)), slog.Int("offset", fault.Offset)}}}
	what := strings.TrimPrefix(err.Error(), "jsondoc: ")
	if fault.IsLimit() {
		p.Code, p.Log.Rule = "body.too_complex", string(fault.Kind)
		p.Detail = "The JSON document exceeds a limit: " + what + "."
		return p
	}
	p.Detail = "The body is not a JSON document that is accepted here: " + what + "."
	return p
}
