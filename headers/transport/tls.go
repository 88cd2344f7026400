package transport

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"time"
)

// sessionLifetime is how long a TLS session may be resumed. The bound of Go is
// seven days, which RFC 8446 section 4.6.1 allows. An attacker who steals the
// ticket keys can read TLS 1.2 sessions for that time.
const sessionLifetime = 24 * time.Hour

// TLS returns a configuration for servers. It has no certificate: set
// Certificates or GetCertificate.
//
//	server := transport.Server(stack.Wrap(mux))
//	server.TLSConfig = transport.TLS()
//	server.TLSConfig.Certificates = []tls.Certificate{cert}
//
// The configuration has:
//
//   - TLS 1.2 and TLS 1.3 only.
//   - For TLS 1.2 the suites ECDHE-ECDSA-AES128-GCM-SHA256 and
//     ECDHE-RSA-AES128-GCM-SHA256, so that every connection is forward secret
//     and none uses CBC. The suites of TLS 1.3 are fixed, and all of them are
//     secure.
//   - Key exchange by X25519MLKEM768 first, which resists quantum computers,
//     then by X25519, P-256 and P-384.
//   - Sessions that can be resumed for one day after the full handshake. A
//     session with a client certificate cannot be resumed, so that the
//     certificate is verified on each connection.
//
// A ticket of TLS 1.3 contains a lifetime of seven days (604800 seconds), and
// scanners report that number. It is a hint that crypto/tls writes. A session
// that is older than a day is not resumed.
//
// Each call returns a new configuration. Its session tickets use keys of its
// own, and its clones use the same keys. To share keys between processes, call
// SetSessionTicketKeys on the value and not on a clone.
func TLS() *tls.Config {
	config := &tls.Config{
		MinVersion: tls.VersionTLS12,
		MaxVersion: tls.VersionTLS13,
		CipherSuites: []uint16{
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
		},
		CurvePreferences: []tls.CurveID{tls.X25519MLKEM768, tls.X25519, tls.CurveP256, tls.CurveP384},
	}
	sessions := sessions{config}
	config.WrapSession = sessions.wrap
	config.UnwrapSession = sessions.unwrap
	return config
}

// sessions makes session tickets that carry the time of their full handshake.
type sessions struct{ config *tls.Config }

// stampID begins our entry among those of others in SessionState.Extra.
var stampID = []byte("bulwark/transport 1 ")

// wrap stamps a session and makes a ticket of it.
func (s sessions) wrap(cs tls.ConnectionState, session *tls.SessionState) ([]byte, error) {
	born := s.born(cs, session)
	session.Extra = append(session.Extra, binary.BigEndian.AppendUint64(bytes.Clone(stampID), uint64(born)))
	return s.config.EncryptTicket(cs, session)
}

// unwrap returns the session of a ticket. It returns nil, for a full handshake,
// if the ticket was made with other keys, has no stamp, or is too old.
func (s sessions) unwrap(ticket []byte, cs tls.ConnectionState) (*tls.SessionState, error) {
	session, err := s.config.DecryptTicket(ticket, cs)
	if session == nil || err != nil {
		return nil, err
	}
	for _, extra := range session.Extra {
		stamp, ok := bytes.CutPrefix(extra, stampID)
		if !ok || len(stamp) != 8 {
			continue
		}
		born := time.Unix(int64(binary.BigEndian.Uint64(stamp)), 0)
		if age := s.now().Sub(born); age < -clockSkew || age >= sessionLifetime {
			return nil, nil
		}
		return session, nil
	}
	return nil, nil
}

// clockSkew is how far the clocks of processes that share ticket keys may
// differ.
const clockSkew = time.Minute

// born returns when the secret of a session was agreed upon, in Unix seconds,
// or 0 for a session that is not to be resumed.
//
// In TLS 1.3 that is now: resumption runs a key exchange of its own. In TLS 1.2
// each resumption puts the old master secret into a new ticket, and a stamp of
// now would renew it forever. crypto/tls keeps the time of the full handshake
// in the session (bytes 5 to 12 of its encoding) and bounds it by seven days.
// Should another Go encode it elsewhere, what is found there is not likely to
// be a time within them; then the ticket is stamped as old, and never resumed.
func (s sessions) born(cs tls.ConnectionState, session *tls.SessionState) int64 {
	now := s.now()
	if len(cs.PeerCertificates) > 0 {
		// VerifyPeerCertificate does not run on a resumption, and these keys
		// are those of every clone: a ticket from a listener that asks for any
		// certificate would pass a listener that checks them.
		return 0
	}
	if cs.Version >= tls.VersionTLS13 || !cs.DidResume {
		return now.Unix()
	}
	encoded, err := session.Bytes()
	if err != nil || len(encoded) < 13 {
		return 0
	}
	born := int64(binary.BigEndian.Uint64(encoded[5:13]))
	if born > now.Add(clockSkew).Unix() || born < now.Add(-sessionLifetime).Unix() {
		return 0
	}
	return born
}

func (s sessions) now() time.Time {
	if s.config.Time != nil {
		return s.config.Time()
	}
	return time.Now()
}
