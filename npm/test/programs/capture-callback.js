process.setUncaughtExceptionCaptureCallback((error) => { console.log(`captured ${error.message}`); });
setTimeout(() => { throw new Error('to the callback'); }, 1);
setTimeout(() => { console.log('went on'); }, 40);
