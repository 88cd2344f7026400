package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// A place says where clients find the API.
type place struct {
	url      string
	hosts    []string
	loopback bool // only this machine reaches the API
}

// locate returns the place for the flag -addr and its listener. The API answers
// to the loopback names and to the host of -addr.
func locate(addr string, bound net.Addr, secure bool) (place, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return place{}, fmt.Errorf("-addr: %w", err)
	}
	at, err := netip.ParseAddrPort(bound.String())
	if err != nil {
		return place{}, fmt.Errorf("-addr: %w", err)
	}
	p := place{hosts: []string{"localhost", "127.0.0.1", "[::1]"}, loopback: at.Addr().Unmap().IsLoopback()}
	name := host
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		name = "localhost"
	} else if err == nil && ip.Is6() {
		name = "[" + ip.WithZone("").String() + "]"
	}
	if !slices.Contains(p.hosts, name) {
		p.hosts = append(p.hosts, name)
	}
	scheme := "http"
	if secure {
		scheme = "https"
	}
	p.url = fmt.Sprintf("%s://%s:%d", scheme, name, at.Port())
	return p, nil
}

// selfSigned makes a certificate for this run. Browsers warn about it, because
// no authority has signed it.
func selfSigned(hosts []string) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: "documents example"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().AddDate(0, 0, 7),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, host := range hosts {
		host = strings.Trim(host, "[]")
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
			continue
		}
		template.DNSNames = append(template.DNSNames, host)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}
