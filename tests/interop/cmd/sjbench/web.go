package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

var errNoWeb = errors.New("nginx is not installed (scripts/setup --bench)")

// web is an nginx of our own, without privileges, that serves one file over HTTPS.
type web struct {
	process *exec.Cmd
	folder  string
	url     string
	ca      string // file of the authority that signed its certificate
}

const nginxConfiguration = `daemon off;
worker_processes 2;
pid nginx.pid;
error_log stderr crit;
events { worker_connections 1024; }
http {
  access_log off;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  sendfile on;
  server {
    listen %s ssl;
    ssl_certificate server.pem;
    ssl_certificate_key server.key;
    ssl_protocols TLSv1.3;
    ssl_buffer_size 16k;
    root files;
  }
}
`

func findNginx() (string, error) {
	for _, name := range []string{"nginx", "/usr/sbin/nginx"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errNoWeb
}

// startWeb serves the file as /object.
func startWeb(b *bench, s *site, file string) (*web, error) {
	nginx, err := findNginx()
	if err != nil {
		return nil, err
	}
	// Its own folder: nginx runs as nobody, who may not enter the bench's.
	folder, err := os.MkdirTemp(b.dir, "sjbench-web-")
	if err != nil {
		return nil, err
	}
	w := &web{folder: folder, ca: filepath.Join(folder, "ca.pem")}
	address, err := freeAddress(s)
	if err == nil {
		w.url = "https://" + address + "/object"
		err = errors.Join(os.Chmod(folder, 0o777), os.Mkdir(filepath.Join(folder, "files"), 0o755),
			os.Link(file, filepath.Join(folder, "files", "object")),
			writeCertificates(folder, s.bind),
			os.WriteFile(filepath.Join(folder, "nginx.conf"), fmt.Appendf(nil, nginxConfiguration, address), 0o644))
	}
	if err == nil {
		err = w.start(b, s, command{nginx, "-p", folder, "-c", filepath.Join(folder, "nginx.conf"), "-e", "stderr"})
	}
	if err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

func (w *web) start(b *bench, s *site, c command) error {
	if os.Geteuid() == 0 {
		c = append(command{"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"}, c...)
	}
	c = s.wrap(far, c)
	w.process = exec.Command(c[0], c[1:]...)
	w.process.Stderr = os.Stderr
	w.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := w.process.Start(); err != nil {
		return err
	}
	for range 50 {
		probe := s.wrap(far, command{"curl", "-s", "-I", "--cacert", w.ca, "-o", "/dev/null", w.url})
		if exec.CommandContext(b.ctx, probe[0], probe[1:]...).Run() == nil {
			return nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	return errors.New("nginx does not serve")
}

func (w *web) close() {
	if w.process != nil && w.process.Process != nil {
		_ = w.process.Process.Signal(syscall.SIGTERM)
		_ = w.process.Wait()
	}
	_ = os.RemoveAll(w.folder)
}

// freeAddress is one to listen on.  In the namespace of an emulated area every port is free.
func freeAddress(s *site) (string, error) {
	if s.area != nil {
		return net.JoinHostPort(s.bind, "4430"), nil
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(s.bind, "0"))
	if err != nil {
		return "", err
	}
	port := listener.Addr().(*net.TCPAddr).Port
	return net.JoinHostPort(s.bind, strconv.Itoa(port)), listener.Close()
}

// writeCertificates makes ca.pem, server.pem and server.key, good for a day.
func writeCertificates(folder, address string) error {
	authorityKey, err1 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	serverKey, err2 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "sjbench"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	server := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: address},
		NotBefore: authority.NotBefore, NotAfter: authority.NotAfter,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IPAddresses: []net.IP{net.ParseIP(address)},
	}
	authorityDER, err1 := x509.CreateCertificate(rand.Reader, authority, authority, authorityKey.Public(), authorityKey)
	serverDER, err2 := x509.CreateCertificate(rand.Reader, server, authority, serverKey.Public(), authorityKey)
	keyDER, err3 := x509.MarshalPKCS8PrivateKey(serverKey)
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	write := func(name, kind string, der []byte) error {
		return os.WriteFile(filepath.Join(folder, name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o644)
	}
	return errors.Join(write("ca.pem", "CERTIFICATE", authorityDER), write("server.pem", "CERTIFICATE", serverDER),
		write("server.key", "PRIVATE KEY", keyDER))
}
