const loaded = process.moduleLoadList.filter((name) => /^NativeModule inspector$|^Builtin inspector$/.test(name));
console.log(JSON.stringify({
  loaded: loaded.length, handles: process.listenerCount('uncaughtException') + process.listenerCount('exit'),
  monitors: process.listenerCount('uncaughtExceptionMonitor'),
}));
