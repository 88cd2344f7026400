package representation_test

import (
	"net/http"
	"testing"

	"github.com/bulwark-go/bulwark/internal/representation"
)

func TestWithdraw(t *testing.T) {
	for name, stays := range map[string]bool{
		"Cache-Control": false, "Cdn-Cache-Control": false, "Cloudflare-Cdn-Cache-Control": false, "Surrogate-Control": false, "Expires": false, "Age": false,
		"Etag": false, "Last-Modified": false, "X-Accel-Expires": false, "X-Accel-Redirect": false, "X-Sendfile": false,
		"Content-Type": false, "Content-Length": false, "Content-Encoding": false, "Content-Range": false, "Content-Language": false,
		"Content-Location": false, "Content-Disposition": false, "Content-Md5": false, "Content-Digest": false, "Repr-Digest": false, "Digest": false,
		"Accept-Ranges": false, "Trailer": false, "Trailer:Digest": false, "Transfer-Encoding": false, "Signature": false, "Link": false, "Location": false,
		"CDN-Cache-Control": false, "content-disposition": false, "ETag": false, "X-SendFile": false,
		"Unencoded-Digest": false, "Memento-Datetime": false, "X-Content-Duration": false, "X-Archive-Files": false,
		"X-LiteSpeed-Location": false, "X-Litespeed-Cache": false, "X-LITESPEED-TAG": false, "X-Reproxy-Url": false, "X-REPROXY-FILE": false,
		"X-Sendfile2": false, "X-Sendfile-Temporary": false, "X-Lighttpd-Send-File": false, "X-LIGHTTPD-send-tempfile": false,
		"X-Accel-Charset": false, "X-Accel-Buffering": false, "X-Accel-Limit-Rate": false,

		"Content-Security-Policy": true, "Content-Security-Policy-Report-Only": true, "Strict-Transport-Security": true, "X-Content-Type-Options": true,
		"Access-Control-Allow-Origin": true, "Access-Control-Expose-Headers": true, "Vary": true, "Set-Cookie": true, "Ratelimit": true, "Ratelimit-Policy": true,
		"Www-Authenticate": true, "X-Request-Id": true, "Retry-After": true, "Allow": true, "Reporting-Endpoints": true, "Cross-Origin-Resource-Policy": true, "Dpop-Nonce": true,
	} {
		h := http.Header{name: {"x"}}
		representation.Withdraw(h)
		if _, ok := h[name]; ok != stays {
			t.Errorf("%s stays: %v", name, ok)
		}
	}
	representation.Withdraw(nil)
}
