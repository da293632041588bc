#!/bin/sh
# Runs SOAP clients of other makers against the built sandbox (after `npm run build`): PHP's SoapClient, zeep, suds,
# JAX-WS and gSOAP. What they need from Debian stands in checks/programs.mjs. Prints a line a case; ends with 1 when a
# case fails.
set -u
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
work=$(mktemp -d)
python=/usr/bin/python3
failed=0

port=$(node -e "const s = require('node:net').createServer().listen(0, '127.0.0.1', () => { console.log(s.address().port); s.close(); })")
SANDBOX_PORT=$port node "$root/dist/main.js" sandbox >"$work/sandbox.log" 2>&1 &
sandbox=$!
trap 'kill "$sandbox" 2>/dev/null; rm -rf "$work"' EXIT
endpoint=http://127.0.0.1:$port/soap/mktows/2_9
tries=0
until curl -fso "$work/mktows.wsdl" "$endpoint?WSDL"; do
  tries=$((tries + 1))
  if [ "$tries" -gt 100 ]; then
    cat "$work/sandbox.log"
    exit 1
  fi
  sleep 0.1
done

run() {
  name=$1
  shift
  echo "# $name"
  "$@" || failed=1
  # Each client has the whole budget of calls.
  curl -fsX POST "http://127.0.0.1:$port/_sandbox/reset" || failed=1
}

jaxws() {
  wsimport -quiet -Xnocompile -XadditionalHeaders -p mktows -d "$work" "$endpoint?WSDL" &&
    javac -encoding UTF-8 -cp /usr/share/java/jaxws-tools.jar -d "$work/java" "$work"/mktows/*.java "$here/java/Client.java" &&
    java -cp "$work/java:/usr/share/java/jaxws-tools.jar" Client "$endpoint" 2>"$work/java.log" ||
    { grep -v -e WARNING -e FactoryFinder "$work/java.log"; return 1; }
}

gsoap() {
  cd "$work" &&
    wsdl2h -c++11 -o mktows.h "$endpoint?WSDL" >gsoap.log 2>&1 &&
    soapcpp2 -c++11 -j -CL -L -w -x -I/usr/share/gsoap/import mktows.h >>gsoap.log 2>&1 &&
    g++ -std=c++11 -I"$work" -o client "$here/gsoap/client.cpp" soapC.cpp soapMktowsApiSoapBindingProxy.cpp \
      -lgsoap++ -lcrypto >>gsoap.log 2>&1 ||
    { cat "$work/gsoap.log"; return 1; }
  "$work/client" "$endpoint"
}

run 'PHP SoapClient' php "$here/client.php" "$endpoint"
run 'Python zeep' "$python" -B "$here/client_zeep.py" "$endpoint"
run 'Python suds' "$python" -B "$here/client_suds.py" "$endpoint"
run 'Java JAX-WS' jaxws
run 'C++ gSOAP' gsoap
if [ "$failed" -eq 0 ]; then echo 'all clients are content'; else echo 'a client is not content'; fi
exit "$failed"
