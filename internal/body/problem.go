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

// named returns the cause of a refusal for the log: a text that names the field
// of the configuration, and the cause if there is one. Without a Source it is
// the cause alone.
func (l Limits) named(cause error, format string, args ...any) error {
	switch {
	case l.Source == "":
		return cause
	case cause == nil:
		return fmt.Errorf(format, args...)
	}
	return fmt.Errorf(format+": %w", append(args, cause)...)
}

// Required is the refusal of an empty body by a layer that needs one.
func Required() *bulwark.Problem {
	return &bulwark.Problem{Status: http.StatusBadRequest, Code: "body.required",
		Detail: "The request needs a body."}
}

func (l Limits) tooLarge() *bulwark.Problem {
	return largerThan(l.Max, l.named(nil, "the body is longer than MaxBodyBytes of %s (%d)", l.Source, l.Max))
}

func largerThan(limit int64, cause error) *bulwark.Problem {
	return &bulwark.Problem{Status: http.StatusRequestEntityTooLarge, Code: "body.too_large",
		Detail: fmt.Sprintf("The body is larger than the %d bytes allowed here.", limit), Err: cause}
}

// unsupportedMediaType names the types that would do (RFC 9110 section 15.5.16,
// RFC 5789 section 3.1).
func (l Limits) unsupportedMediaType(r *http.Request) *bulwark.Problem {
	list := strings.Join(l.MediaTypes, ", ")
	from := l.TypesFrom
	if from == "" {
		from = "MediaTypes of " + l.Source
	}
	header := http.Header{"Accept": {list}}
	if r.Method == http.MethodPatch {
		header["Accept-Patch"] = []string{list}
	}
	return &bulwark.Problem{Status: http.StatusUnsupportedMediaType, Code: "body.unsupported_media_type",
		Detail: "Content-Type must be one of " + list + ", in UTF-8.", Header: header,
		Err: l.named(nil, "Content-Type is not one of %s, in UTF-8; see %s", list, from)}
}

func unsupportedEncoding() *bulwark.Problem {
	return &bulwark.Problem{Status: http.StatusUnsupportedMediaType, Code: "body.unsupported_encoding",
		Detail: "Send the body without Content-Encoding.", Header: http.Header{"Accept-Encoding": {"identity"}}}
}

func (l Limits) timedOut(cause error) *bulwark.Problem {
	return &bulwark.Problem{Status: http.StatusRequestTimeout, Code: "body.timeout",
		Detail: "The body did not arrive in time.",
		Err:    l.named(cause, "the body did not arrive within BodyTimeout of %s (%v), or within ReadTimeout of the http.Server", l.Source, l.Timeout),
		Header: http.Header{"Connection": {"close"}}} // RFC 9110 section 15.5.9
}

func incomplete(cause error) *bulwark.Problem {
	return &bulwark.Problem{Status: http.StatusBadRequest, Code: "body.incomplete",
		Detail: "The body could not be read to its end.", Err: cause}
}

// fromJSON turns an error of the decoder into a refusal. The error holds a kind
// and an offset, and nothing that was submitted. The refusal of a name that
// occurs twice has the name, which src has at the offset.
func (l Limits) fromJSON(src []byte, err error) *bulwark.Problem {
	var fault *jsondoc.Error
	if !errors.As(err, &fault) || fault.Kind == jsondoc.KindBytes {
		return l.tooLarge()
	}
	p := &bulwark.Problem{Status: http.StatusBadRequest, Code: "body.malformed", Err: err,
		Log: bulwark.ProblemLog{Attrs: []slog.Attr{slog.String("kind", string(fault.Kind)), slog.Int("offset", fault.Offset)}}}
	if fault.IsLimit() {
		p.Code, p.Log.Rule = "body.too_complex", string(fault.Kind)
		allowed, field := l.allowed(fault.Kind)
		p.Detail = fmt.Sprintf("The JSON document may have %s; it has more at byte %d.", allowed, fault.Offset)
		if field != "" {
			p.Err = l.named(err, "the document may have %s; see JSON.%s of %s", allowed, field, l.Source)
		}
		return p
	}
	if fault.Kind == jsondoc.KindDuplicateKey {
		p.Errors = []bulwark.FieldError{{Pointer: jsondoc.NamePointer(src, fault.Offset), In: "body", Code: "repeated", Detail: "Must be given once, whatever the case of its letters."}}
	}
	p.Err = fmt.Errorf("the body is not strict JSON: %w", err)
	p.Detail = "The body is not a JSON document that is accepted here: " + fault.Error() + "."
	return p
}

// allowed returns the bound of the document for a kind of fault, in words, and
// the field of [bulwark.JSONLimits] that sets it, if there is one.
func (l Limits) allowed(kind jsondoc.Kind) (text, field string) {
	j := l.JSON.WithDefaults()
	switch kind {
	case jsondoc.KindDepth:
		return fmt.Sprintf("at most %d levels of arrays and objects", j.Depth), "MaxDepth"
	case jsondoc.KindKeys:
		return fmt.Sprintf("at most %d members of objects", j.Keys), "MaxKeys"
	case jsondoc.KindItems:
		return fmt.Sprintf("at most %d elements in one array", j.Items), "MaxItems"
	case jsondoc.KindValues:
		return fmt.Sprintf("at most %d values", j.Values), "MaxValues"
	case jsondoc.KindString:
		return fmt.Sprintf("at most %d bytes in one string", j.String), "MaxStringBytes"
	case jsondoc.KindName:
		return fmt.Sprintf("at most %d bytes in one name", j.Name), "MaxNameBytes"
	}
	return fmt.Sprintf("at most %d characters in one number, and numbers in the range of a float64", j.Number), ""
}
