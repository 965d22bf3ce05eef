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

// web is an nginx of our own, without privileges, that serves files over HTTPS, or plain HTTP.
type web struct {
	process *exec.Cmd
	folder  string
	urls    []string // of the object, one for each address
	ca      string   // file of the authority that signed its certificate
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
%s    root files;
  }
}
`

const nginxTLS = `    ssl_certificate server.pem;
    ssl_certificate_key server.key;
    ssl_protocols TLSv1.3;
    ssl_buffer_size 16k;
`

func findNginx() (string, error) {
	for _, name := range []string{"nginx", "/usr/sbin/nginx"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errNoWeb
}

// startWeb serves files under the names that they are given; /object is the one that is waited for.
func startWeb(b *bench, s *site, files map[string]string, tls bool) (*web, error) {
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
	binds := s.binds
	if len(binds) == 0 {
		binds = []string{s.bind}
	}
	server, err := w.listen(s, binds, tls)
	if err == nil {
		err = errors.Join(os.Chmod(folder, 0o777), os.Mkdir(filepath.Join(folder, "files"), 0o755),
			writeCertificates(folder, binds),
			os.WriteFile(filepath.Join(folder, "nginx.conf"), fmt.Appendf(nil, nginxConfiguration, server), 0o644))
	}
	for name, file := range files {
		err = errors.Join(err, os.Link(file, filepath.Join(folder, "files", name)))
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

// listen chooses the addresses, and returns what nginx has to know of them.
func (w *web) listen(s *site, binds []string, tls bool) (string, error) {
	scheme, word, settings := "http://", "", ""
	if tls {
		scheme, word, settings = "https://", " ssl", nginxTLS
	}
	for _, bind := range binds {
		address, err := freeAddress(s, bind)
		if err != nil {
			return "", err
		}
		settings = "    listen " + address + word + ";\n" + settings
		w.urls = append(w.urls, scheme+address+"/object")
	}
	return settings, nil
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
		probe := s.wrap(far, command{"curl", "-s", "-I", "--cacert", w.ca, "-o", "/dev/null", w.urls[0]})
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
func freeAddress(s *site, bind string) (string, error) {
	if s.area != nil {
		return net.JoinHostPort(bind, "4430"), nil
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(bind, "0"))
	if err != nil {
		return "", err
	}
	port := listener.Addr().(*net.TCPAddr).Port
	return net.JoinHostPort(bind, strconv.Itoa(port)), listener.Close()
}

// writeCertificates makes ca.pem, server.pem and server.key, good for a day.
func writeCertificates(folder string, addresses []string) error {
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
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "sjbench server"},
		NotBefore: authority.NotBefore, NotAfter: authority.NotAfter,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, address := range addresses {
		server.IPAddresses = append(server.IPAddresses, net.ParseIP(address))
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
