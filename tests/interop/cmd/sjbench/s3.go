package main

import (
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

//go:embed s3crt.py
var s3crtScript string

const gatewayRegion = "us-east-1"

// Keys that the gateway is started with, of a bench that nobody else can reach.
const (
	gatewayKey    = "sjbenchkey"
	gatewaySecret = "sjbenchsecret"
)

// gateway is a versitygw of our own whose objects are files, and so can be looked at without a client.
type gateway struct {
	process *exec.Cmd
	root    string
	url     string
}

// startGateway serves a bucket on the far side.  From then on every program finds the keys in its environment.
func startGateway(b *bench, s *site) (*gateway, error) {
	g := &gateway{root: filepath.Join(s.folder, "s3")}
	address, err := freeAddress(s, s.bind)
	config := filepath.Join(s.folder, "aws-config")
	err = errors.Join(err, os.MkdirAll(g.root, 0o755), os.WriteFile(config, []byte(s.awsConfig()), 0o644),
		os.WriteFile(filepath.Join(s.folder, "s3crt.py"), []byte(s3crtScript), 0o644))
	if err != nil {
		return nil, err
	}
	g.url = "http://" + address
	c := s.wrap(far, command{b.tool("versitygw"), "--access", gatewayKey, "--secret", gatewaySecret,
		"--region", gatewayRegion, "--port", address, "--quiet", "--keep-alive", "--health", "/health", "posix", g.root})
	g.process = exec.Command(c[0], c[1:]...)
	g.process.Stderr = os.Stderr
	g.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := g.process.Start(); err != nil {
		return nil, err
	}
	s.stops = append(s.stops, g.close)
	s.extra = append(s.extra, "AWS_ACCESS_KEY_ID="+gatewayKey, "AWS_SECRET_ACCESS_KEY="+gatewaySecret,
		"AWS_REGION="+gatewayRegion, "AWS_DEFAULT_REGION="+gatewayRegion, "AWS_CONFIG_FILE="+config,
		"AWS_SHARED_CREDENTIALS_FILE="+filepath.Join(s.folder, "none"), "AWS_EC2_METADATA_DISABLED=true",
		"RCLONE_S3_PROVIDER=Other", "RCLONE_S3_NO_CHECK_BUCKET=true", "RCLONE_S3_ENV_AUTH=true", "RCLONE_S3_ENDPOINT="+g.url, "RCLONE_S3_REGION="+gatewayRegion)
	for range 50 {
		probe := s.wrap(far, command{"curl", "-sf", "-o", "/dev/null", g.url + "/health"})
		if exec.CommandContext(b.ctx, probe[0], probe[1:]...).Run() == nil {
			return g, b.run(s, far, g.curl("-X", "PUT", g.url+"/"+bucket))
		}
		time.Sleep(100 * time.Millisecond)
	}
	return nil, errors.New("versitygw does not serve")
}

// awsConfig has awscli do as many requests at once as a distance needs; near by its own ten are its best.
func (s *site) awsConfig() string {
	if s.profile == "" {
		return "[default]\n"
	}
	return "[default]\ns3 =\n  max_concurrent_requests = 64\n"
}

// path is the file of an object.
func (g *gateway) path(key string) string { return filepath.Join(g.root, bucket, key) }

// store puts a file without any of the programs that are compared.
func (g *gateway) store(b *bench, s *site, file, key string) error {
	return b.run(s, far, g.curl("-T", file, g.url+"/"+bucket+"/"+key))
}

func (g *gateway) curl(arguments ...string) command {
	return append(command{"curl", "-q", "-sS", "-f", "--aws-sigv4", "aws:amz:" + gatewayRegion + ":s3",
		"--user", gatewayKey + ":" + gatewaySecret, "-H", "x-amz-content-sha256: UNSIGNED-PAYLOAD"}, arguments...)
}

func (g *gateway) close() {
	_ = g.process.Process.Signal(syscall.SIGTERM)
	_ = g.process.Wait()
}

// s3Copy is a scenario that moves one object to or from versitygw.
type s3Copy struct {
	layout
	job string
	mib int64
}

func (t s3Copy) run(b *bench, _ scenario) (outcome, error) {
	b, done, err := b.inMemory()
	if err != nil {
		return outcome{}, err
	}
	defer done()
	if b.mib > 0 {
		t.mib = b.mib
	}
	want, err := b.makeSource("source", t.mib<<20)
	if err != nil {
		return outcome{}, err
	}
	s, g, err := b.openGateway(t.layout)
	if err != nil {
		return outcome{}, err
	}
	defer s.close()
	result := outcome{Profile: t.profile, Bytes: t.mib << 20}
	able, skipped := b.ableOf(s, s3Programs(g))
	result.Skipped = skipped
	if t.job == jobGet {
		if err := g.store(b, s, b.path("source"), "object"); err != nil {
			return outcome{}, err
		}
	}
	err = b.steadyRounds(s, able, &result, func(p program) error {
		m := move{job: t.job, label: t.job, remote: "object", local: b.path("target"), want: want, bytes: result.Bytes}
		made := m.local
		if t.job == jobPut {
			m.remote, m.local = "put-"+p.name, b.path("source")
			made = g.path(m.remote)
		}
		if err := os.RemoveAll(made); err != nil {
			return err
		}
		if err := b.timed(s, p, m, &result); err != nil {
			return err
		}
		return checkFile(made, want)
	})
	result.finish()
	return result, err
}

func (b *bench) openGateway(l layout) (*site, *gateway, error) {
	if _, err := os.Stat(b.tool("versitygw")); err != nil {
		return nil, nil, errors.New("versitygw was not built")
	}
	s, err := b.open(l)
	if err != nil {
		return nil, nil, err
	}
	g, err := startGateway(b, s)
	if err != nil {
		s.close()
		return nil, nil, err
	}
	return s, g, nil
}

// s3Small moves a folder of many small files to versitygw, and back.
type s3Small struct{ layout }

func (t s3Small) run(b *bench, _ scenario) (outcome, error) {
	b, done, err := b.inMemory()
	if err != nil {
		return outcome{}, err
	}
	defer done()
	want, err := makeTree(b.path("tree"))
	if err != nil {
		return outcome{}, err
	}
	s, g, err := b.openGateway(t.layout)
	if err != nil {
		return outcome{}, err
	}
	defer s.close()
	result := outcome{Profile: t.profile, Bytes: smallFiles * smallSize}
	able, skipped := b.ableOf(s, append(s3Programs(g), program{"rclone-256", "rclone, 256 files at a time", rcloneMissing, g.rcloneMany, false}))
	result.Skipped = skipped
	err = b.steadyRounds(s, able, &result, func(p program) error {
		remote := "tree-" + p.name
		put := move{job: jobPutTree, label: jobPutTree, remote: remote, local: b.path("tree")}
		if err := b.timed(s, p, put, &result); err != nil {
			return err
		}
		if err := checkTreeAt(g.path(remote), want); err != nil {
			return fmt.Errorf("what was uploaded: %w", err)
		}
		target, err := os.MkdirTemp(b.folder, "get-")
		if err != nil {
			return err
		}
		get := move{job: jobGetTree, label: jobGetTree, remote: remote, local: target}
		if err := b.timed(s, p, get, &result); err != nil {
			return err
		}
		return errors.Join(checkTreeAt(target, want), os.RemoveAll(target), os.RemoveAll(g.path(remote)))
	})
	result.finish()
	return result, err
}

func checkTreeAt(root, want string) error {
	sum, err := treeSum(root)
	if err == nil && sum != want {
		err = errors.New("the folder differs from the source")
	}
	return err
}

// s3Programs copy to and from a gateway.  Of many small files rclone takes 64 at a time; the others find their number.
func s3Programs(g *gateway) []program {
	return []program{
		{"sjcp", "sjcp cp", ready, g.sjcp, false},
		{"awscli", "aws s3 cp", awsMissing, g.awscli, false},
		{"awscrt", "awscli's own CRT client", awsMissing, g.awscrt, false},
		{"rclone", "rclone with its s3 backend, 16 streams of 64 MiB", rcloneMissing, g.rclone, false},
	}
}

func awsMissing(b *bench, _ *site) string {
	if _, err := os.Stat(b.python("aws")); err != nil {
		return "its Python environment is not there (scripts/setup --bench)"
	}
	return ""
}

// python is the interpreter of an environment that scripts/setup made.
func (b *bench) python(environment string) string {
	return filepath.Join(b.venvs, environment, "bin", "python")
}

// fromTo orders what is on this side and what is beyond as a job wants them.
func fromTo(job, remote, local string) command {
	if job == jobGet || job == jobGetTree {
		return command{remote, local}
	}
	return command{local, remote}
}

func isTree(job string) bool { return strings.HasSuffix(job, "-tree") }

func (g *gateway) sjcp(b *bench, _ *site, job, remote, local string) command {
	c := command{b.tool("sjcp"), "cp", "--progress=none", "--endpoint-url", g.url}
	remote = "s3://" + bucket + "/" + remote
	if isTree(job) {
		c, remote = append(c, "-r"), remote+"/"
	} else {
		c = append(c, "-p", b.p)
	}
	return append(c, fromTo(job, remote, local)...)
}

func (g *gateway) awscli(b *bench, _ *site, job, remote, local string) command {
	c := command{b.python("aws"), "-m", "awscli", "s3", "cp", "--only-show-errors", "--endpoint-url", g.url}
	remote = "s3://" + bucket + "/" + remote
	if isTree(job) {
		c, remote = append(c, "--recursive"), remote+"/"
	}
	return append(c, fromTo(job, remote, local)...)
}

func (g *gateway) awscrt(b *bench, s *site, job, remote, local string) command {
	if isTree(job) {
		remote += "/"
	}
	return command{b.python("aws"), filepath.Join(s.folder, "s3crt.py"), job, g.url, bucket, remote, local}
}

func (g *gateway) rclone(b *bench, s *site, job, remote, local string) command {
	return g.rcloneWith("64", b, s, job, remote, local)
}

func (g *gateway) rcloneMany(b *bench, s *site, job, remote, local string) command {
	return g.rcloneWith("256", b, s, job, remote, local)
}

func (g *gateway) rcloneWith(files string, b *bench, _ *site, job, remote, local string) command {
	c := command{b.tool("rclone"), "--config=", "--quiet"}
	remote = ":s3:" + bucket + "/" + remote
	if isTree(job) {
		c = append(c, "copy", "--ignore-times", "--transfers="+files, "--checkers="+files)
	} else {
		c = append(c, "copyto", "--ignore-times", "--multi-thread-streams=16", "--multi-thread-cutoff=64Mi",
			"--multi-thread-chunk-size=64Mi", "--s3-upload-concurrency=16", "--s3-chunk-size=16Mi")
	}
	return append(c, fromTo(job, remote, local)...)
}
