package conformance_test

import (
	"bytes"
	mathrand "math/rand/v2"
	"slices"
	"strings"
)

// goodHeader and goodClaims are where the mutations begin; ALG is the name of the
// algorithm.
const (
	goodHeader = `{"alg":"ALG","kid":"ALG","typ":"at+jwt"}`
	goodClaims = `{"iss":"https://issuer.example","aud":["https://api.example.com"],"sub":"alice","exp":4102444800,"iat":1700000000,"jti":"t-1"}`
)

var headers = []string{
	goodHeader,
	`{"typ":"application/at+JWT","alg":"ALG"}`,
	" {\r\n\t\"alg\" : \"ALG\" , \"typ\" : \"at+jwt\" } ",
	`{"\u0061lg":"ALG","typ":"at\u002bjwt"}`,
	`{"alg":"ALG","typ":"at+jwt","kid":"other"}`,
	`{"alg":"ALG","typ":"at+jwt","kid":""}`,
	`{"alg":"ALG","typ":"at+jwt","kid":null}`,
	`{"alg":"ALG","typ":"at+jwt","kid":1}`,
	`{"alg":"ALG","typ":"at+jwt","kid":"../../dev/null"}`,
	`{"alg":"ALG","typ":"at+jwt","alg":"none"}`,
	`{"alg":"none","typ":"at+jwt","alg":"ALG"}`,
	`{"alg":"ALG","typ":"at+jwt","\u0061lg":"ALG"}`,
	`{"ALG":"ALG","Typ":"at+jwt","Alg":"none"}`,
	`{"alg":"ALG","Alg":"none","typ":"at+jwt"}`,
	`{"alg":"none","typ":"at+jwt"}`,
	`{"alg":"None","typ":"at+jwt"}`,
	`{"alg":"","typ":"at+jwt"}`,
	`{"alg":["ALG"],"typ":"at+jwt"}`,
	`{"alg":"HS256","typ":"at+jwt"}`,
	`{"alg":"HS256","typ":"at+jwt","kid":"RS256"}`,
	`{"alg":"RS256","typ":"at+jwt","kid":"PS256"}`,
	`{"alg":"ES256K","typ":"at+jwt"}`,
	`{"typ":"at+jwt"}`,
	`{"alg":"ALG","typ":"JWT"}`,
	`{"alg":"ALG"}`,
	`{"alg":"ALG","typ":"at+jwt","crit":["b64"],"b64":false}`,
	`{"alg":"ALG","typ":"at+jwt","crit":["exp"],"exp":1}`,
	`{"alg":"ALG","typ":"at+jwt","crit":[]}`,
	`{"alg":"ALG","typ":"at+jwt","b64":true}`,
	`{"alg":"ALG","typ":"at+jwt","zip":"DEF"}`,
	`{"alg":"ALG","typ":"at+jwt","enc":"A128GCM"}`,
	`{"alg":"ALG","typ":"at+jwt","cty":"JWT","x5u":"https://evil.example","jku":"https://evil.example"}`,
	`{"alg":"ALG","typ":"at+jwt","jwk":{"kty":"oct","k":"AAAA"}}`,
	`{"alg":"ALG","typ":"at+jwt","deep":{"a":{"b":[1,2,{"c":1e9}]}}}`,
	`{"alg":"ALG","typ":"at+jwt","n":1e999}`,
	`{"alg":"ALG","typ":"at+jwt"}{}`,
	`[{"alg":"ALG","typ":"at+jwt"}]`,
	"\ufeff" + goodHeader,
	`{"alg":"ALG","typ":"at+jwt","x":"` + "\xff" + `"}`,
	`{"alg":"ALG","typ":"at+jwt","x":"\ud800"}`,
	`{'alg':'ALG','typ':'at+jwt'}`,
	`{"alg":"ALG","typ":"at+jwt",}`,
	`{"alg":"ALG","typ":"at+jwt"/**/}`,
	`null`,
	`{}`,
	``,
}

var payloads = []string{
	goodClaims,
	`{"sub":"alice","aud":"https://api.example.com","exp":4102444800.75,"iss":"https:\/\/issuer.example","scope":"a b"}`,
	`{"iss":"https://issuer.example","aud":"https://api.example.com","sub":"alice","exp":4.1024448e9}`,
	`{"iss":"https://issuer.example","aud":"https://api.example.com","sub":"alice","exp":"4102444800"}`,
	`{"iss":"https://issuer.example","aud":"https://api.example.com","sub":"alice","exp":1e999}`,
	`{"iss":"https://issuer.example","aud":"https://api.example.com","sub":"alice","exp":99999999999999999999}`,
	`{"iss":"https://issuer.example","aud":"https://api.example.com","sub":"alice","exp":-1}`,
	`{"iss":"https://issuer.example","aud":"https://api.example.com","sub":"alice","exp":0}`,
	`{"iss":"https://issuer.example","aud":"https://api.example.com","sub":"alice","exp":1700000000}`,
	`{"iss":"https://issuer.example","aud":"https://api.example.com","sub":"alice","exp":null}`,
	`{"iss":"https://issuer.example","aud":"https://api.example.com","sub":"alice"}`,
	`{"iss":"https://issuer.example","aud":"https://api.example.com","sub":"alice","exp":4102444800,"nbf":4102444000}`,
	`{"iss":"https://issuer.example","aud":"https://api.example.com","sub":"alice","exp":4102444800,"nbf":"soon"}`,
	`{"iss":"https://issuer.example","aud":"https://api.example.com","sub":"alice","exp":4102444800,"iat":4102444000}`,
	`{"iss":"https://issuer.example","aud":"https://api.example.com","sub":"alice","exp":4102444800,"iat":null}`,
	`{"iss":"https://issuer.example","aud":"https://api.example.com","sub":"alice","sub":"root","exp":4102444800}`,
	`{"iss":"https://issuer.example","aud":"https://api.example.com","sub":"alice","\u0073ub":"root","exp":4102444800}`,
	`{"iss":"https://issuer.example","aud":"https://api.example.com","sub":"alice","Sub":"root","exp":4102444800}`,
	`{"iss":"https://issuer.example","aud":"https://api.example.com","SUB":"root","exp":4102444800}`,
	`{"iss":"https://issuer.example","aud":"https://api.example.com","sub":null,"exp":4102444800}`,
	`{"iss":"https://issuer.example","aud":"https://api.example.com","sub":"","exp":4102444800}`,
	`{"iss":"https://issuer.example","aud":"https://api.example.com","sub":["alice"],"exp":4102444800}`,
	`{"iss":"https://issuer.example","aud":"https://api.example.com","sub":7,"exp":4102444800}`,
	`{"iss":"https://issuer.example/","aud":"https://api.example.com","sub":"alice","exp":4102444800}`,
	`{"iss":["https://issuer.example"],"aud":"https://api.example.com","sub":"alice","exp":4102444800}`,
	`{"aud":"https://api.example.com","sub":"alice","exp":4102444800}`,
	`{"iss":"https://issuer.example","aud":["https://api.example.com",null],"sub":"alice","exp":4102444800}`,
	`{"iss":"https://issuer.example","aud":["https://api.example.com",7],"sub":"alice","exp":4102444800}`,
	`{"iss":"https://issuer.example","aud":{"https://api.example.com":true},"sub":"alice","exp":4102444800}`,
	`{"iss":"https://issuer.example","aud":[["https://api.example.com"]],"sub":"alice","exp":4102444800}`,
	`{"iss":"https://issuer.example","aud":[],"sub":"alice","exp":4102444800}`,
	`{"iss":"https://issuer.example","aud":"https://api.example.com ","sub":"alice","exp":4102444800}`,
	`{"iss":"https://issuer.example","sub":"alice","exp":4102444800}`,
	`{"iss":"https://issuer.example","aud":"https://api.example.com","sub":"alice","exp":4102444800,"cnf":{"jkt":"x"}}`,
	`{"iss":"https://issuer.example","aud":"https://api.example.com","sub":"a\u0000lice","exp":4102444800,"x":[1,{"y":[]}],"é":"\ud83d\ude00"}`,
	`{"iss":"https://issuer.example","aud":"https://api.example.com","sub":"\ud800","exp":4102444800}`,
	`{"iss":"https://issuer.example","aud":"https://api.example.com","sub":"` + "\xc3\x28" + `","exp":4102444800}`,
	goodClaims + "{}",
	"\ufeff" + goodClaims,
	strings.Repeat(" ", 40) + goodClaims + "\n",
	`[` + goodClaims + `]`,
	`"` + "alice" + `"`,
	`{`,
	``,
}

// pieces are what a mutation puts in.
var pieces = []string{
	"", `"`, `,`, `:`, `{`, `}`, `[`, `]`, `\`, ` `, "\n", "\r", "\x00", "\xff", "=", "-", "_", "+", "/", ".", "A", "a", "0", "1", "e9", ".5", "null", "true",
	`\u0061`, `\u0000`, `\ud800`, `"alg":"none",`, `"alg":"ALG",`, `"kid":"ES256",`, `"sub":"root",`, `"iss":"https://issuer.example",`, `"exp":9999999999,`, `{}`, `""`, `"x":[],`,
}

// mutate replaces, inserts, removes or repeats a few bytes of text.
func mutate(random *mathrand.Rand, text string) string {
	src := []byte(text)
	for range 1 + random.IntN(2) {
		from := random.IntN(len(src) + 1)
		to := min(from+random.IntN(4), len(src))
		piece := []byte(pieces[random.IntN(len(pieces))])
		switch random.IntN(4) {
		case 0:
			to = from
		case 1:
			piece = nil
		case 2:
			piece = bytes.Repeat(src[from:to], 2)
		}
		src = slices.Concat(src[:from], piece, src[to:])
	}
	return string(src)
}
