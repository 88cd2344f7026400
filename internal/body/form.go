package body

import (
	"bytes"
	"errors"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/jsondoc"
)

// FormType and MultipartType are the media types that package net/http reads
// into the Form of a request, beside its query.
const (
	FormType      = "application/x-www-form-urlencoded"
	MultipartType = "multipart/form-data"
)

// maxFormParts is room for the parts of a multipart form in memory, beyond the
// bytes of its body.
const maxFormParts = 1 << 20

// IsForm reports whether package net/http may take a body with this header for
// a form. Like net/http it takes the type of a Content-Type whose parameters
// are malformed.
func IsForm(h http.Header) bool {
	for _, value := range h["Content-Type"] {
		if !strings.Contains(strings.ToLower(value), "form") {
			continue // parsing allocates
		}
		switch mediaType, _, _ := mime.ParseMediaType(value); mediaType {
		case FormType, MultipartType:
			return true
		}
	}
	return false
}

// ReadForm returns the fields that r.FormValue finds in the body of r, without
// those of the query. A layer that checks the query needs them. The fields are
// nil if the body is not a form. The body of a form is read as by [Read],
// within l without its MediaTypes. The handler can read the body again from its
// first byte.
//
// If the form has been parsed already, FormValue uses the parsed form. Then
// ReadForm returns the fields of the parsed form and does not read the body.
func ReadForm(w http.ResponseWriter, r *http.Request, l Limits) (*http.Request, url.Values, error) {
	if isParsed(r) {
		return r, parsedForm(r), nil
	}
	if !IsForm(r.Header) {
		return r, nil, nil
	}
	l.MediaTypes = []string{FormType, MultipartType}
	r, b, err := Read(w, r, l)
	if err != nil || b.Empty() {
		return r, nil, err
	}
	if b.MediaType() == MultipartType {
		fields, err := multipartFields(r.Header, b.Bytes())
		if err != nil {
			return r, nil, malformedForm(err)
		}
		return r, fields, nil
	}
	fields, err := url.ParseQuery(string(b.Bytes()))
	if err != nil {
		return r, nil, malformedForm(nil) // the error quotes what was submitted
	}
	return r, fields, nil
}

// isParsed reports whether package net/http has taken the fields out of the
// body. ParseForm takes them from a few methods only, and leaves multipart
// forms alone.
func isParsed(r *http.Request) bool {
	if r.MultipartForm != nil {
		return true
	}
	mediaType, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch r.Method {
	case http.MethodPost, http.MethodPut, http.MethodPatch:
		return r.PostForm != nil && mediaType == FormType
	}
	return false
}

// parsedForm returns the fields of a body that was parsed before.
func parsedForm(r *http.Request) url.Values {
	fields := url.Values{}
	for name, values := range r.PostForm {
		fields[name] = values
	}
	if r.MultipartForm != nil {
		for name, values := range r.MultipartForm.Value {
			fields[name] = values
		}
	}
	return fields
}

// multipartFields reads a multipart form as net/http does. Its parts stay in
// memory: nothing is written to a disk.
func multipartFields(h http.Header, data []byte) (url.Values, error) {
	_, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		return nil, err
	}
	form, err := multipart.NewReader(bytes.NewReader(data), params["boundary"]).ReadForm(int64(len(data)) + maxFormParts)
	if err != nil {
		return nil, err
	}
	return form.Value, nil
}

// RefuseNames refuses a part of a request that holds a name which a layer
// checks or cleans in the other part. r.FormValue merges the two parts and
// prefers the body. So the handler would read a value that no layer has
// checked. Names are compared without case, because many readers of forms
// ignore case. The error is 400 "body.ambiguous_parameter", or nil.
//
// part is the part that holds the values: "query" or "form". field is the field
// of a Config that describes the other part, for the log.
func RefuseNames(part, field string, values url.Values, described func(folded string) bool) error {
	for name := range values {
		if described(jsondoc.Fold(name)) {
			return ambiguous(part, field)
		}
	}
	return nil
}

// ForgetForm makes r.Form follow a query or body that was changed. What was
// parsed of the body is kept, because the body may have been read for it. r
// must be a copy of the layer's own.
func ForgetForm(r *http.Request) {
	if !isParsed(r) {
		r.Form, r.PostForm = nil, nil // made anew when they are needed
		return
	}
	form := url.Values{}
	for name, values := range parsedForm(r) {
		form[name] = append(form[name], values...)
	}
	for name, values := range r.URL.Query() {
		form[name] = append(form[name], values...)
	}
	r.Form = form
}

func malformedForm(cause error) *bulwark.Problem {
	return &bulwark.Problem{Status: http.StatusBadRequest, Code: "body.malformed", Err: cause,
		Detail: "The body is not the form that its Content-Type names."}
}

func ambiguous(part, field string) *bulwark.Problem {
	own := "query"
	if part == own {
		own = "form"
	}
	return &bulwark.Problem{Status: http.StatusBadRequest, Code: "body.ambiguous_parameter", Log: bulwark.ProblemLog{Rule: part},
		Detail: "The " + part + " has a parameter that belongs in the " + own + ". Send the parameter once, in the " + own + ".",
		Err:    errors.New("the " + part + " has a parameter of " + field + ", which describes the " + own)}
}
