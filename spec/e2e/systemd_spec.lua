-- What a service manager gives (sockets, a place to tell news to, a watchdog) is used; without one nothing is missing.
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
local posix = require "posix"
local server = require "server"
local unistd = require "posix.unistd"
local unix = require "posix.sys.socket"
local poll = require "posix.poll"
local socket = require "socket"

describe("under a service manager", function()
  local dir, news, s, listening, port

  before_each(function()
    dir = assert(posix.mkdtemp("/tmp/gifd-systemd-XXXXXX"))
    news = assert(unix.socket(unix.AF_UNIX, unix.SOCK_DGRAM, 0))
    assert(unix.bind(news, { family = unix.AF_UNIX, path = dir .. "/notify" }))
    listening = assert(socket.bind("127.0.0.1", 0))
    local _
    _, port = listening:getsockname()
    port = tonumber(port)
    -- As the manager does it: the socket is descriptor 3, the variables name the process that is about to be gifd.
    server.put(dir .. "/gifd", ([[#!/bin/bash
export LISTEN_PID=$$ LISTEN_FDS=1 NOTIFY_SOCKET=%s/notify WATCHDOG_PID=$$ WATCHDOG_USEC=1000000
exec "%s" "$@" 3<&%d
]]):format(dir, server.binary, listening:getfd()), "755")
    s = server.start { binary = dir .. "/gifd", as_configured = true,
                       config = ('return { listen = { "127.0.0.1:%d" } }'):format(port) }
    listening:close()
  end)
  after_each(function()
    if s then s:stop() end
    unistd.close(news)
    os.execute("rm -rf '" .. dir .. "'")
  end)

  local function wait_for_news(wanted)
    server.wait_until("news: " .. wanted, function()
      if poll.rpoll(news, 100) == 1 then return unix.recv(news, 4096):find(wanted, 1, true) end
    end)
  end

  it("serves on the socket that it was given and tells what happens", function()
    assert.equal("http://127.0.0.1:" .. port, s.url)
    assert.equal(200, s:request({ "GET", "/healthz" }).status)
    wait_for_news "READY=1"
    wait_for_news "WATCHDOG=1"
    posix.kill(s.pid, posix.SIGUSR2)
    wait_for_news "RELOADING=1"
    wait_for_news "READY=1"
    assert.equal(200, s:request({ "GET", "/healthz" }).status)
    wait_for_news "WATCHDOG=1"
    posix.kill(s.pid, posix.SIGHUP)
    wait_for_news "RELOADING=1"
    wait_for_news "READY=1"
    s:stop()
    s = nil
    wait_for_news "STOPPING=1"
  end)
end)
