package authz

import "net/http"

// unshared returns a copy of r without path values, whose own can be set.
// Copies of a request share the storage behind [http.Request.SetPathValue]. A
// part of a batch would write into the values of the batch and of the other
// parts, and two writes at once would end the process. http.ServeMux also never
// writes into that storage.
func unshared(r *http.Request) *http.Request {
	bare := http.Request{
		Method: r.Method, URL: r.URL, Proto: r.Proto, ProtoMajor: r.ProtoMajor, ProtoMinor: r.ProtoMinor,
		Header: r.Header, Body: r.Body, GetBody: r.GetBody, ContentLength: r.ContentLength,
		TransferEncoding: r.TransferEncoding, Close: r.Close, Host: r.Host,
		Form: r.Form, PostForm: r.PostForm, MultipartForm: r.MultipartForm, Trailer: r.Trailer,
		RemoteAddr: r.RemoteAddr, RequestURI: r.RequestURI, TLS: r.TLS, Response: r.Response, Pattern: r.Pattern,
	}
	return bare.WithContext(r.Context())
}
