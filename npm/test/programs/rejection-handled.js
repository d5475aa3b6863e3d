process.on('unhandledRejection', (error) => { console.log(`seen ${error.message}`); });
Promise.reject(new Error('rejected'));
setTimeout(() => { console.log('went on'); }, 20);
