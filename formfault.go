package bulwark

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
)

// ofForm returns the refusal for an error with which http.Request refuses to
// read a query or a form.
func (f fault) ofForm(err error) *Problem {
	var outbound *url.Error
	var escape url.EscapeError
	switch {
	case errors.As(err, &outbound): // of a URL of the program's own
		return nil
	case errors.Is(err, multipart.ErrMessageTooLarge), hasText(err, "http: POST too large"):
		return &Problem{Status: http.StatusRequestEntityTooLarge, Code: "body.too_large", Detail: "The form is larger than allowed here.", Err: err}
	case errors.Is(err, http.ErrNotMultipart):
		return &Problem{Status: http.StatusUnsupportedMediaType, Code: "body.unsupported_media_type", Err: err,
			Detail: "Content-Type must be multipart/form-data.", Header: http.Header{"Accept": {"multipart/form-data"}}}
	case f.ofMediaType(err):
		return &Problem{Status: http.StatusUnsupportedMediaType, Code: "body.unsupported_media_type", Detail: "Content-Type is not well formed.", Err: err}
	case errors.Is(err, http.ErrMissingBoundary), errors.Is(err, http.ErrMissingFile):
		return &Problem{Status: http.StatusBadRequest, Code: "body.malformed", Detail: "The form lacks its boundary or a file.", Err: err}
	case f.ofParts(err):
		return &Problem{Status: http.StatusBadRequest, Code: "body.malformed", Detail: "The parts of the form are not well formed.", Err: err}
	case errors.As(err, &escape), hasText(err, "invalid semicolon separator in query"):
		return &Problem{Status: http.StatusBadRequest, Code: "request.malformed", Detail: "The query or the form is not well formed.", Err: err}
	}
	return nil
}

// ofMediaType reports whether err is the error of package mime for the
// Content-Type of this request.
func (f fault) ofMediaType(err error) bool {
	_, _, fault := mime.ParseMediaType(f.r.Header.Get("Content-Type"))
	return fault != nil && hasText(err, fault.Error())
}

// ofParts reports whether err comes from a multipart body that was read to its
// end, and whose parts do not end or have a malformed header. An error of
// package multipart is recognised by its text. Its other errors may come from
// something else, such as the answer of another service, unless the form has
// just been read.
func (f fault) ofParts(err error) bool {
	media, _, _ := mime.ParseMediaType(f.r.Header.Get("Content-Type"))
	if !strings.HasPrefix(media, "multipart/") || f.ofBody(err) != nil {
		return false
	}
	if anyCause(err, func(each error) bool { return strings.HasPrefix(textOf(each), "multipart: ") }) {
		return true
	}
	var header textproto.ProtocolError
	if errors.As(err, &header) {
		return f.r.Form != nil || f.r.MultipartForm != nil
	}
	// ParseMultipartForm sets the one first, and the other when all is read.
	return errors.Is(err, io.ErrUnexpectedEOF) && f.r.Form != nil && f.r.MultipartForm == nil
}
