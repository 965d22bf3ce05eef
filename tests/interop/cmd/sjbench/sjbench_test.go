package main

import (
	"bytes"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// A test that measures has this program launch what is measured, as sjbench itself does.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "launch" {
		exitOn(launch(os.Args[2:]))
		return
	}
	os.Exit(m.Run())
}

func TestPeakMemoryIsTheProgramsOwn(t *testing.T) {
	const own = 256 << 20
	ballast := bytes.Repeat([]byte{1}, own)
	defer runtime.KeepAlive(ballast)
	s := &site{folder: t.TempDir()}
	time := func(c ...string) sample {
		taken, err := waiter{filepath.Join(s.folder, "usage.json")}.time(t.Context(), s, c)
		if err != nil {
			t.Fatal(err)
		}
		return taken
	}
	if peak := time("true").PeakMiB; peak <= 0 || peak > 64 {
		t.Errorf("of a small program: %v MiB", peak)
	}
	// Also that of a child which the program waits for.
	if peak := time("sh", "-c", "dd if=/dev/zero of=/dev/null bs=100M count=1 2>/dev/null; true").PeakMiB; peak < 100 || peak > 164 {
		t.Errorf("of one with 100 MiB: %v MiB", peak)
	}
	if _, err := (waiter{filepath.Join(s.folder, "usage.json")}).time(t.Context(), s, command{"false"}); err == nil {
		t.Error("a program that fails is no sample")
	}
}

func TestMedianIsTheMiddleOrTheMeanOfTheTwo(t *testing.T) {
	if got := median([]float64{3, 1, 2}); got != 2 {
		t.Errorf("of three: %v", got)
	}
	if got := median([]float64{4, 1, 2, 3}); got != 2.5 {
		t.Errorf("of four: %v", got)
	}
	if got := median(nil); !math.IsNaN(got) {
		t.Errorf("of none: %v", got)
	}
}

func runs(walls ...float64) (samples []sample) {
	for _, wall := range walls {
		samples = append(samples, sample{WallSeconds: wall, CPUSeconds: 2 * wall})
	}
	return samples
}

func TestRatiosAreOfMedians(t *testing.T) {
	o := outcome{Scenario: "get", Series: []series{
		{Program: "sjcp", Job: jobGet, Runs: runs(1, 9, 2)},
		{Program: "library", Job: jobGet, Runs: runs(4, 4, 100)},
		{Program: "library", Job: jobPut, Runs: runs(1)},
	}}
	o.finish()
	byRound := spread{0.135, 0.25, 1.25} // of 0.02, 0.25 and 2.25
	if len(o.Ratios) != 1 || o.Ratios[0] != (ratio{jobGet, "library", 0.5, 0.5, byRound, byRound}) {
		t.Errorf("ratios: %+v", o.Ratios)
	}
}

func TestAnotherBuildIsAskedWhatThisOneIs(t *testing.T) {
	b := &bench{options: options{tools: "build", base: "/old/sjcp", p: "auto", only: "none"}}
	able, _ := b.ableOf(nil, programs())
	if len(able) != 2 || able[1].name != baseName {
		t.Fatalf("programs: %+v", able)
	}
	ours, theirs := able[0].command(b, nil, jobGet, "o", "t"), able[1].command(b, nil, jobGet, "o", "t")
	if theirs[0] != "/old/sjcp" || !slices.Equal(ours[1:], theirs[1:]) {
		t.Errorf("%v and %v", ours, theirs)
	}
}

func TestVerdictComparesWithTheBestPeerThatRan(t *testing.T) {
	o := outcome{Scenario: "get", Series: []series{
		{Program: "sjcp", Job: jobGet, Runs: runs(1)},
		{Program: "library", Job: jobGet, Runs: runs(5)},
		{Program: "uplink", Job: jobGet, Runs: runs(2)},
	}}
	o.finish()
	verdicts := judge([]outcome{o})
	if len(verdicts) != 2 { // neither rclone nor the floor ran
		t.Fatalf("verdicts: %+v", verdicts)
	}
	if v := verdicts[0]; v.Measured != 0.5 || v.Reached {
		t.Errorf("CPU: %+v", v)
	}
	if v := verdicts[1]; v.Measured != 0.5 || !v.Reached {
		t.Errorf("wall: %+v", v)
	}
}

func TestEveryScenarioOfTheNumbersExistsAndHasATarget(t *testing.T) {
	if _, err := choose(slices.Collect(maps.Keys(groups))); err != nil {
		t.Error(err)
	}
	wanted := map[string]bool{}
	for _, target := range targets() {
		wanted[target.scenario] = true
	}
	for _, name := range append(slices.Clone(forNumbers), forWeb...) {
		if !wanted[name] {
			t.Errorf("no target needs %s", name)
		}
		delete(wanted, name)
	}
	if len(wanted) > 0 {
		t.Errorf("targets of scenarios that are not run: %v", wanted)
	}
}

func TestSamplesAreClassifiedByWhoCalled(t *testing.T) {
	text := `sjcp  1000000 
	7f01 aesni_gcm_decrypt (/usr/lib/x86_64-linux-gnu/libcrypto.so.3)
	7f02 EVP_Cipher (/usr/lib/x86_64-linux-gnu/libcrypto.so.3)
	7f03 SSL_read (/usr/lib/x86_64-linux-gnu/libssl.so.3)
	55aa main (/build/sjcp)

sjcp  2000000 
	7f01 aesni_gcm_decrypt (/usr/lib/x86_64-linux-gnu/libcrypto.so.3)
	55ab sjcp::crypto::BlockCipher::open_block(unsigned long) (/build/sjcp)

sjcp  3000000 
	ffffffff81 _copy_to_iter ([kernel.kallsyms])
	ffffffff82 tcp_recvmsg ([kernel.kallsyms])
	7f03 SSL_read (/usr/lib/x86_64-linux-gnu/libssl.so.3)

sjcp  4000000 
	ffffffff83 clear_page ([kernel.kallsyms])

sjcp  5000000 
	7f04 __memmove_avx512 (/usr/lib/x86_64-linux-gnu/libc.so.6)
	55ac sjcp::segment::SegmentDecoder::feed() (/build/sjcp)

sjpeer  6000000 
	4001 crypto/internal/fips140/aes/gcm.gcmAesDec (/build/sjpeer)
	4002 crypto/tls.(*Conn).Read (/build/sjpeer)
`
	seconds, err := readSamples(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]float64{classTLS: 0.007, classAEAD: 0.002, classSockets: 0.003, classKernel: 0.004, classCopy: 0.005}
	for class, expected := range want {
		if math.Abs(seconds[class]-expected) > 1e-9 {
			t.Errorf("%s: %v, not %v", class, seconds[class], expected)
		}
		delete(seconds, class)
	}
	if len(seconds) > 0 {
		t.Errorf("besides: %v", seconds)
	}
}

func TestVersionIsTheFirstWordWithADigit(t *testing.T) {
	for output, want := range map[string]string{
		"rclone v1.75.0-DEV\n- os":    "1.75.0-DEV",
		"nginx version: nginx/1.22.1": "1.22.1",
		"OpenSSL 3.0.22 1 Sep":        "3.0.22",
		"no digits":                   "unknown",
	} {
		if got := firstVersion(output); got != want {
			t.Errorf("%q: %q", output, got)
		}
	}
}

func TestQuotedCommandsKeepTheirWords(t *testing.T) {
	if got, want := quoted(command{"a b", "it's"}), `'a b' 'it'\''s'`; got != want {
		t.Errorf("%s, not %s", got, want)
	}
}

func TestHubSendsForLargeFilesElsewhereAndServesSmallOnes(t *testing.T) {
	small := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(small, []byte("hello\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	h := hub{repo: "a/b", storage: "http://there", files: []hubFile{
		{Path: "config.json", Size: 6, Local: small}, {Path: "x/model.bin", Size: 7, Sha256: "00ff"}}}
	get := func(path string) *httptest.ResponseRecorder {
		recorder := httptest.NewRecorder()
		h.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, path, nil))
		return recorder
	}
	// What `git hash-object` says of the content.
	if got := get("/a/b/resolve/main/config.json"); got.Body.String() != "hello\n" ||
		got.Header().Get("ETag") != `"ce013625030ba8dba906f756967f9e9ca394464a"` {
		t.Errorf("small: %d %v %q", got.Code, got.Header(), got.Body)
	}
	if got := get("/a/b/resolve/main/x/model.bin"); got.Code != http.StatusFound ||
		got.Header().Get("Location") != "http://there/00ff" || got.Header().Get("X-Linked-Size") != "7" {
		t.Errorf("large: %d %v", got.Code, got.Header())
	}
	if got := get("/a/b/resolve/main/none"); got.Code != http.StatusNotFound {
		t.Errorf("unknown: %d", got.Code)
	}
}
